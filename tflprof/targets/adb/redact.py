"""Dumps without what names a device or its owner.

Of the properties only those stay that are known to speak of the model; from all other texts goes whatever looks
like an address, an account or a serial number, and every value that some private property had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tflprof.targets.adb.android import parse_properties
from tflprof.targets.adb.probe import Dump

HIDDEN = "<redacted>"

_KEPT = re.compile(
    r"ro\.product\.(?:\w+\.)?(?:model|manufacturer|brand|name|device|board|cpu\.abi(?:list(?:32|64)?|2)?)"
    r"|ro\.build\.version\.(?:release|sdk|codename|security_patch|release_or_codename)"
    r"|ro\.build\.(?:type|tags|fingerprint)|ro\.board\.platform|ro\.mediatek\.platform"
    r"|ro\.hardware(?:\.(?:chipname|egl|vulkan|soc))?|ro\.chipname|ro\.arch|ro\.zygote|ro\.config\.low_ram"
    r"|ro\.soc\.(?:manufacturer|model)|ro\.(?:kernel|boot)\.qemu(?:\.\w+)?"
    r"|ro\.debuggable|ro\.secure|service\.adb\.root|sys\.boot_completed|dalvik\.vm\.isa\.\w+\.\w+"
)
_PRIVATE_KEY = re.compile(
    r"serial|imei|meid|esn$|iccid|imsi|msisdn|mac\b|macaddr|bdaddr|ssid|host|user|account|e-?mail|owner|operator"
    r"|device_?name|address|hwid|_cid|\.cid|uuid|\bid_hash|phone.?number|token",
    re.IGNORECASE,
)
_PATTERNS = (
    re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Za-z])"),
    re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*"),
    # IMEI, MEID, IMSI, ICCID
    re.compile(r"(?<![0-9A-Za-z])\d{14,22}(?![0-9A-Za-z])"),
    # Who built the system, in a fingerprint.
    re.compile(r"(?<![0-9A-Za-z])eng\.[\w-]+(?:\.[\w-]+)*"),
)
_PRIVATE_LINE = re.compile(
    r"^([^:=\n]*(?:serial|imei|meid|ssid|account|e-?mail|owner)[^:=\n]*[:=][ \t]*)(.+)$", re.I | re.M
)
_SHORTEST = 5
# Shorter ones may be part of an innocent number, and are hidden where they stand alone.
_TELLING = 8
_COMMON = frozenset(
    ("user", "userdebug", "release-keys", "dev-keys", "test-keys", "none", "null", "true", "false", "unknown")
)


def redacted(dump: Dump, secrets: Iterable[str] = ()) -> Dump:
    """The dump without names of the device and of people.

    Args:
        dump: what was read.
        secrets: further texts that must not appear, such as the serial number that adb shows.
    """
    properties = parse_properties(dump.commands.get("getprop", ""))
    kept = {name: value for name, value in properties.items() if _KEPT.fullmatch(name)}
    private = {*_worth_hiding(secrets), *_private_values(properties)}
    patterns = (*map(_pattern, sorted(private, key=len, reverse=True)), *_PATTERNS)

    def clean(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(HIDDEN, text)
        return _PRIVATE_LINE.sub(rf"\1{HIDDEN}", text)

    commands = dict(dump.commands)
    if kept:
        commands["getprop"] = "".join(f"[{name}]: [{value}]\n" for name, value in sorted(kept.items()))
    elif "getprop" in commands:
        del commands["getprop"]
    return replace(
        dump,
        files={name: clean(text) for name, text in dump.files.items()},
        commands={name: clean(text) for name, text in commands.items()},
        denied=tuple(clean(name) for name in dump.denied),
        note=None if dump.note is None else clean(dump.note),
    )


def _pattern(secret: str) -> re.Pattern[str]:
    exact = re.escape(secret)
    alone = rf"(?<![0-9A-Za-z]){exact}(?![0-9A-Za-z])"
    return re.compile(exact if len(secret) >= _TELLING else alone, re.IGNORECASE)


def _private_values(properties: dict[str, str]) -> Iterator[str]:
    for name, value in properties.items():
        if not _KEPT.fullmatch(name) and _PRIVATE_KEY.search(name):
            yield from _worth_hiding([value])


def _worth_hiding(texts: Iterable[str]) -> Iterator[str]:
    """A wireless phone's serial number is its address and a port; the address alone tells as much."""
    for text in texts:
        host, colon, port = text.rpartition(":")
        for secret in (text, host if colon and port.isdecimal() else ""):
            if len(secret.strip()) >= _SHORTEST and secret.strip().lower() not in _COMMON:
                yield secret.strip()
