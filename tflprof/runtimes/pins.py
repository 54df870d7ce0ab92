"""Trust on first use: the SHA-256 that what a URL gave had the first time, and has to have ever after."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from tflprof.errors import RuntimeMissing

_FILE = "runtime-pins.json"


def pin_file() -> Path:
    """Where the pins are kept: below XDG_CONFIG_HOME, by default ~/.config."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".config") / "tflprof" / _FILE


def pinned(url: str) -> str | None:
    """The SHA-256 pinned for a URL, None if there is none. Raises RuntimeMissing if the file is broken."""
    return _read().get(url)


def pin(url: str, sha256: str) -> None:
    """Pin a SHA-256 to a URL, in the place of an earlier one. Raises RuntimeMissing."""
    pins = _read()
    if pins.get(url) == sha256:
        return
    path = pin_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".pins-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({**pins, url: sha256}, file, indent=1, sort_keys=True)
            file.write("\n")
        Path(name).replace(path)
    except OSError as error:
        raise RuntimeMissing(
            f"cannot keep the SHA-256 of {url} in {path}: {error.strerror or error}",
            "set XDG_CONFIG_HOME to a directory that can be written",
        ) from error


def check_pin(url: str, found: str, *, sha256: str | None = None, repin: bool = False) -> bool:
    """Compare what a URL gave with what is expected of it; True if nothing was pinned for it.

    Args:
        url: where it came from.
        found: its SHA-256.
        sha256: what the user says it is, whatever is pinned.
        repin: accept whatever came.

    Raises:
        RuntimeMissing: it is not what was said, or not what was pinned.
    """
    if sha256 is not None and found != sha256.lower():
        raise RuntimeMissing(
            f"{url} has SHA-256 {found}, --sha256 says {sha256.lower()}",
            "ask whoever publishes it which is right; nothing was kept",
        )
    known = pinned(url)
    if sha256 is None and not repin and known is not None and known != found:
        raise RuntimeMissing(
            f"{url} has SHA-256 {found}, the first time it had {known}: it was replaced, or altered on its way",
            f"to accept it deliberately: --sha256 {found} (or --repin); the pins are in {pin_file()}",
        )
    return known is None


def _read() -> dict[str, str]:
    path = pin_file()
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _broken(path, error) from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise _broken(path, "it is not a table of texts")
    return data


def _broken(path: Path, error: object) -> RuntimeMissing:
    return RuntimeMissing(
        f"the pins of runtimes, {path}, cannot be read: {error}", "mend the file, or remove it to pin anew"
    )
