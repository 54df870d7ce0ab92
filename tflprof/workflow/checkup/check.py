"""A finding of the doctor, and commands as this machine wants them."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from dataclasses import dataclass
from typing import Literal

from tflprof.errors import TflprofError

Status = Literal["ok", "limited", "missing", "unused"]

_APT = "apt-get install "


@dataclass(frozen=True)
class Check:
    """What was found about one thing.

    Attributes:
        name: what was looked at.
        status: ``ok``; ``limited``: it works, but not wholly; ``missing``: what needs it does not work; ``unused``: it
            is not here, and nothing that was asked for needs it.
        detail: what was found.
        remedy: the command that mends it, or what else to do; None if there is nothing to do.
        target: the target that works if this is ``ok`` or ``limited``; None for what is no trial of a target.
        group: what it belongs to, in a word.
    """

    name: str
    status: Status
    detail: str
    remedy: str | None = None
    target: str | None = None
    group: str = ""

    @property
    def works(self) -> bool:
        """Whether it can be used."""
        return self.status in ("ok", "limited")


def failed(name: str, error: TflprofError) -> Check:
    """The check that an error stands for; its hint is the remedy."""
    return Check(name, "missing", error.what, None if error.hint is None else tailored(error.hint))


def install(*packages: str) -> str:
    """How packages of Debian's names are installed on this system."""
    names = " ".join(packages)
    if is_debian():
        return f"{as_root(_APT)}{names}"
    return f"install what Debian calls {names} with the package manager of {system_name()}"


def tailored(hint: str) -> str:
    """A hint with the commands as they are typed here."""
    return install(*hint.removeprefix(_APT).split()) if hint.startswith(_APT) and "," not in hint else hint


def as_root(command: str) -> str:
    """A command that needs root, as this user runs it."""
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return command
    return f"sudo {command}" if shutil.which("sudo") else f"(as root) {command}"


def pip(*requirements: str) -> str:
    """How Python packages are installed into the environment that tflprof runs in."""
    import sys

    return f"{shlex.quote(sys.executable)} -m pip install {' '.join(map(shlex.quote, requirements))}"


def is_debian() -> bool:
    """Whether this system is Debian, or made of it as Ubuntu is: its packages have Debian's names."""
    facts = _release()
    return bool({"debian", "ubuntu"} & {facts.get("ID", ""), *facts.get("ID_LIKE", "").split()})


def system_name() -> str:
    """What this system calls itself."""
    return _release().get("PRETTY_NAME") or platform.system()


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
