"""What the phones call themselves: names, kernels and properties as such phones have them."""

from __future__ import annotations

from dataclasses import dataclass, replace

SDK_LEVELS = {7: 24, 8: 26, 9: 28, 10: 29, 11: 30, 12: 31, 13: 33, 14: 34}
SERIAL_NUMBER = "FA7AV1A00123"


@dataclass(frozen=True)
class Identity:
    """Names of a model: for people, of the board, of the chip, of the kernel; whether it admits to be virtual."""

    model: str
    device: str
    manufacturer: str
    platform: str
    soc: str
    soc_manufacturer: str
    kernel: str
    virtual: bool = False

    def admitted(self) -> Identity:
        """The same, but it says what it is, as Android's own emulator does."""
        return replace(self, model=f"Virtual {self.model}", virtual=True)

    def properties(self, android: int, sdk: int) -> dict[str, str]:
        """System properties of this model under a version of Android."""
        brand = self.manufacturer.lower()
        build = f"TQ{sdk}A.230805.001"
        found = {
            "dalvik.vm.heapsize": "512m",
            "net.bt.name": "Android",
            "persist.sys.locale": "en-US",
            "ro.arch": "arm64",
            "ro.board.platform": self.platform,
            "ro.boot.hardware": self.device,
            "ro.boot.serialno": SERIAL_NUMBER,
            "ro.build.characteristics": "nosdcard",
            "ro.build.fingerprint": f"{brand}/{self.device}/{self.device}:{android}/{build}/10449494:user/release-keys",
            "ro.build.id": build,
            "ro.build.tags": "release-keys",
            "ro.build.type": "user",
            "ro.build.version.release": str(android) if android > 8 else f"{android}.0",
            "ro.build.version.sdk": str(sdk),
            "ro.build.version.security_patch": "2023-08-05",
            "ro.debuggable": "0",
            "ro.hardware": self.device,
            "ro.product.board": self.device,
            "ro.product.brand": brand,
            "ro.product.cpu.abi": "arm64-v8a",
            "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
            "ro.product.cpu.abilist64": "arm64-v8a",
            "ro.product.device": self.device,
            "ro.product.manufacturer": self.manufacturer,
            "ro.product.model": self.model,
            "ro.product.name": self.device,
            "ro.secure": "1",
            "ro.serialno": SERIAL_NUMBER,
            "ro.sf.lcd_density": "420",
            "sys.boot_completed": "1",
        }
        if self.virtual:
            found["ro.boot.qemu"] = "1"
        if sdk >= 31:
            found["ro.soc.manufacturer"] = self.soc_manufacturer
            found["ro.soc.model"] = self.soc
        return found


IDENTITIES = {
    "pixel": Identity("Pixel", "sailfish", "Google", "msm8996", "MSM8996", "QTI", "3.18.137-g72a7a64537"),
    "pixel2": Identity("Pixel 2", "walleye", "Google", "msm8998", "MSM8998", "QTI", "4.4.210-gbb4d16d3c6"),
    "pixel3a": Identity("Pixel 3a", "sargo", "Google", "sdm670", "SDM670", "QTI", "4.9.270-g862f51bac9"),
    "rpi3": Identity("Raspberry Pi 3", "rpi3", "Raspberry", "bcm2710", "BCM2837", "BCM", "6.1.21-v8"),
    "rpi4": Identity("Raspberry Pi 4", "rpi4", "Raspberry", "bcm2711", "BCM2711", "BCM", "6.1.21-v8"),
    "rpi5": Identity("Raspberry Pi 5", "rpi5", "Raspberry", "bcm2712", "BCM2712", "BCM", "6.6.31-v8"),
}
