"""The phone's facts: topology, properties and services, as files that its commands answer from."""

from __future__ import annotations

from pathlib import Path

from tflprof.targets.guest_root import phone_files
from tflprof.targets.phone import Phone


class System:
    """Writes and changes the phone's facts while it runs."""

    def __init__(self, root: Path, phone: Phone, android: int) -> None:
        self._root = root
        self._phone = phone
        self._android = android

    def banner(self) -> str:
        name = self._phone.title.removeprefix("Google ")
        return f"ro.product.name=walleye;ro.product.model={name};ro.product.device=walleye"

    def environment(self) -> dict[str, str]:
        """Variables of every program."""
        return {
            "PATH": "/product/bin:/system/bin:/system/xbin:/vendor/bin",
            "HOME": "/",
            "TMPDIR": "/data/local/tmp",
            "SHELL": "/system/bin/sh",
            "USER": "shell",
            "LOGNAME": "shell",
            "HOSTNAME": "localhost",
            "ANDROID_ROOT": "/system",
            "ANDROID_DATA": "/data",
            "QEMU_CPU": self._phone.emulated_cpu,
        }

    def boot(self) -> None:
        for name, text in phone_files(self._phone):
            if name.startswith("sys/"):
                self._write(name, text)
            elif name.startswith("proc/"):
                (self._root / "phone" / name).write_text(text)

    def _write(self, name: str, text: str) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
