"""Everything a phone tells of itself: asked for in one script, kept as a dump."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tflprof.errors import TargetError, UsageError

FORMAT = "tflprof phone dump"
VERSION = 1
TIMEOUT = 30.0

_CPU = "sys/devices/system/cpu"
_MODEL = "proc/device-tree/model"
FACT_FILES = (
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/self/status",
    "proc/sys/kernel/perf_event_paranoid",
    "etc/os-release",
    "sys/devices/soc0/machine",
    *(f"{_CPU}/{name}" for name in ("online", "possible", "present", "isolated")),
    f"{_CPU}/cpu[0-9]*/cpu_capacity",
    f"{_CPU}/cpu[0-9]*/regs/identification/midr_el1",
    f"{_CPU}/cpu[0-9]*/topology/physical_package_id",
    f"{_CPU}/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    f"{_CPU}/cpu[0-9]*/cpufreq/related_cpus",
    "sys/class/thermal/thermal_zone*/type",
    "sys/class/thermal/thermal_zone*/temp",
)
RECORD_FILES = (
    *(
        f"{_CPU}/cpu[0-9]*/cpufreq/{name}"
        for name in (
            "cpuinfo_min_freq",
            "scaling_max_freq",
            "scaling_min_freq",
            "scaling_cur_freq",
            "scaling_governor",
            "scaling_available_governors",
            "scaling_available_frequencies",
        )
    ),
    f"{_CPU}/cpu[0-9]*/core_ctl/m*_cpus",
    "sys/class/thermal/thermal_zone*/mode",
    "sys/class/power_supply/battery/capacity",
    "sys/class/power_supply/battery/status",
    "sys/class/power_supply/battery/temp",
    "dev/cpuset/*/cpus",
    "proc/self/cpuset",
)
LOADERS = (
    "system/bin/linker64",
    "system/bin/linker",
    "lib/ld-linux-aarch64.so.1",
    "lib/ld-linux-armhf.so.3",
)
# Not in what is passed on.
BOOT_ID = "proc/sys/kernel/random/boot_id"
FACT_COMMANDS = {"getprop": "getprop", "uname": "uname -srm"}
STATE_FILES = (
    "sys/class/thermal/thermal_zone*/type",
    "sys/class/thermal/thermal_zone*/temp",
    f"{_CPU}/online",
)
STATE_COMMANDS = {
    "battery": "dumpsys battery",
    "thermalservice": "dumpsys thermalservice",
    "power": "dumpsys power | grep -E 'mWakefulness=|Display Power|mStayOn=|UPDATES'",
}
RECORD_COMMANDS = {"id": "id -u", "sh": 'echo "$KSH_VERSION"'}


class Output(Protocol):
    """What a script printed and how it ended."""

    @property
    def stdout(self) -> bytes:
        """Its standard output."""

    @property
    def status(self) -> int:
        """Its exit status."""


class Shell(Protocol):
    """A device that runs shell scripts."""

    def run(self, script: str, timeout: float) -> Output:
        """Run a script to its end. Raises DeviceLost or TargetError if it cannot."""


@dataclass(frozen=True)
class Dump:
    """Texts of a device.

    Attributes:
        files: contents by path without the leading slash; what cannot be read is absent.
        commands: outputs by name; what the device does not have is absent.
        denied: paths that exist and may not be read.
        loaders: dynamic loaders that exist, of :data:`LOADERS`.
        note: where the dump comes from, None if it was recorded just so.
    """

    files: Mapping[str, str]
    commands: Mapping[str, str]
    denied: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values, with format and version."""
        return {
            "format": FORMAT,
            "version": VERSION,
            **({"note": self.note} if self.note else {}),
            "loaders": list(self.loaders),
            "denied": list(self.denied),
            "commands": dict(self.commands),
            "files": dict(self.files),
        }

    @classmethod
    def from_json(cls, data: object) -> Dump:
        """The inverse of :meth:`to_json`. Raises UsageError if it is no dump, or a later version's."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise UsageError("this is not a phone dump", "make one with `tflprof targets --record FILE`")
        if data.get("version") != VERSION:
            raise UsageError(
                f"the phone dump has version {data.get('version')!r}; this tflprof reads version {VERSION}",
                "use the tflprof that recorded it, or record it again",
            )
        note = data.get("note")
        return cls(
            files=_texts(data.get("files"), "files"),
            commands=_texts(data.get("commands"), "commands"),
            denied=_names(data.get("denied", []), "denied"),
            loaders=_names(data.get("loaders", []), "loaders"),
            note=note if isinstance(note, str) else None,
        )


def read_facts(shell: Shell) -> Dump:
    """What does not change while the device is up, and its state, in one round trip. Raises TargetError."""
    return _ask(shell, (*FACT_FILES, BOOT_ID), FACT_COMMANDS | STATE_COMMANDS)


def read_state(shell: Shell) -> Dump:
    """Battery, heat and screen of this moment. Raises TargetError."""
    return _ask(shell, STATE_FILES, STATE_COMMANDS)


def read_all(shell: Shell) -> Dump:
    """All that a bug report may need; not yet redacted. Raises TargetError."""
    return _ask(shell, (*FACT_FILES, *RECORD_FILES), FACT_COMMANDS | STATE_COMMANDS | RECORD_COMMANDS)


def _ask(shell: Shell, files: Sequence[str], commands: Mapping[str, str]) -> Dump:
    mark = secrets.token_hex(8)
    output = shell.run(probe_script(files, commands, mark), TIMEOUT).stdout.decode("utf-8", "replace")
    sections = split_sections(output, mark)
    if "end" not in sections:
        raise TargetError(
            "the device did not answer what it is: its shell ended early",
            "try `adb shell`: a prompt should come; restart the device if it does not",
        )
    return Dump(
        files=_file_texts(sections.get("files", "")),
        commands={name: sections[name] for name in commands if sections.get(name, "").strip()},
        denied=tuple(sections.get("denied", "").split()),
        loaders=tuple(name for name in sections.get("loaders", "").split() if name in LOADERS),
    )


def probe_script(files: Sequence[str], commands: Mapping[str, str], mark: str) -> str:
    """A script that prints sections, each after a line with the mark and the section's name.

    One ``grep`` prints all files, each line with its path. Commands that the device lacks cost nothing.
    """
    lines = [
        "cd /; LC_ALL=C; export LC_ALL",
        f"set -- {' '.join(files)}",
        f"echo; echo {mark} files; grep -sH '' \"$@\"",
        # It ends with a NUL, which makes a binary file of it to some.
        f'if IFS= read -r model <{_MODEL} || [ "$model" ]; then echo "{_MODEL}:$model"; fi 2>/dev/null',
        f"echo; echo {mark} denied",
        'for f in "$@"; do if [ -e "$f" ] && [ ! -r "$f" ]; then echo "$f"; fi; done',
        f"echo; echo {mark} loaders",
        f'for f in {" ".join(LOADERS)}; do if [ -e "$f" ]; then echo "$f"; fi; done',
    ]
    for name, command in commands.items():
        program = command.split()[0]
        lines.append(
            f"if command -v {program} >/dev/null 2>&1; then echo; echo {mark} {name}; {command}; fi 2>/dev/null"
        )
    return "\n".join([*lines, f"echo; echo {mark} end"]) + "\n"


def split_sections(output: str, mark: str) -> dict[str, str]:
    """Texts by section name; what stands before the first mark (banners) is dropped."""
    parts = re.split(rf"^{mark} (\w+)$", output.replace("\r\n", "\n"), flags=re.MULTILINE)
    return {
        name: text.removeprefix("\n").removesuffix("\n")
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def _file_texts(text: str) -> dict[str, str]:
    """Contents by path from lines ``path:content``."""
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        path, colon, content = line.partition(":")
        if colon and path.startswith(("proc/", "sys/", "etc/", "dev/")):
            found.setdefault(path, []).append(content.rstrip("\0"))
    return {path: "\n".join(lines) + "\n" for path, lines in found.items()}


def _texts(value: object, key: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in [*value, *value.values()]):
        raise UsageError(f"the phone dump is broken: {key} must be texts by name")
    return dict(value)


def _names(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"the phone dump is broken: {key} must be a list of texts")
    return tuple(value)


def parse_dump(data: bytes) -> Dump:
    """A dump from a file's content. Raises UsageError if it is none."""
    try:
        return Dump.from_json(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise UsageError("this is not a phone dump: it is not JSON") from error
