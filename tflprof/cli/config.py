"""Defaults from ``tflprof.toml`` (docs/configuration.md): every key is known and of the right type, or an error."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tflprof.cli.console import detail
from tflprof.errors import UsageError

FILE_NAME = "tflprof.toml"

Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _shapes(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(shape, list) and shape and all(map(_whole, shape)) for shape in value.values()
    )


def _share(value: Any) -> bool:
    return _text(value) or _number(value)


Keys = dict[str, tuple[Check, str]]

MEASURING: Keys = {
    "target": (_text, "a text"),
    "core": (_text, "a text"),
    "threads": (_whole, "a whole number"),
    "cost": (_text, "a text"),
    "anchors": (_text, "auto, none, or a file name"),
    "kernels": (_text, "a text"),
    "signature": (_text, "a text"),
    "input": (_texts, "a table of file names"),
    "input-shape": (_shapes, "a table of lists of whole numbers"),
    "runtime": (_text, "a file name"),
    "seed": (_whole, "a whole number"),
    "max-seconds": (_number, "a number"),
    "precision": (_number, "a number"),
    "xnnpack-flags": (_whole, "a whole number"),
    "weight-cache": (_flag, "true or false"),
    "rate": (_number, "a number"),
    "quiet": (_flag, "true or false"),
    "governor": (_text, "a text"),
    "frequency": (_whole, "a whole number"),
    "cool-to": (_number, "a number"),
}
"""Keys that say how to measure."""

SCHEMA: dict[str, Keys] = {
    "profile": {
        **MEASURING,
        "sustain": (_number, "a number"),
        "pmu": (_flag, "true or false"),
        "top": (_whole, "a whole number"),
        "in-order": (_flag, "true or false"),
    },
    "compare": {
        **{key: value for key, value in MEASURING.items() if key not in ("precision", "rate")},
        "threshold": (_share, 'a text such as "1%", or a number'),
        "require-trust": (_flag, "true or false"),
        "top": (_whole, "a whole number"),
    },
    "gate": {
        **MEASURING,
        "budget": (_list_of_texts, "a list of texts"),
        "inconclusive-as": (_text, "a text"),
        "require-trust": (_flag, "true or false"),
        "case": (_tables, "tables, each under [[gate.case]]"),
    },
    "runtimes": {
        "android-url": (_text, "a URL"),
    },
    "show": {
        "top": (_whole, "a whole number"),
        "in-order": (_flag, "true or false"),
    },
}
"""Tables of the file, their keys, and what each key's value must be."""

CASE: Keys = {
    "name": (_text, "a text"),
    "model": (_text, "a file name"),
    "baseline": (_text, "a file name"),
    "budget": (_list_of_texts, "a list of texts"),
    **MEASURING,
}
"""Keys of a ``[[gate.case]]``."""


def load_defaults(path: Path | None) -> dict[str, dict[str, Any]]:
    """Defaults of the options, by verb and parameter name.

    Raises:
        UsageError: the named file is missing, not TOML, or has an unknown key or a value of the wrong type.
    """
    source = path or Path(FILE_NAME)
    if path is None and not source.is_file():
        return {}
    tables = _read(source)
    for table, values in tables.items():
        _check_table(source, table, values)
    detail(f"defaults from {source}")
    return {table: _defaults(source.parent, values) for table, values in tables.items()}


def _read(source: Path) -> dict[str, Any]:
    try:
        with source.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration {source}: {error.strerror}",
            "check the path, or leave --config out",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the configuration {source} is not valid TOML: {error}",
            "docs/configuration.md has an example",
        ) from error


def _check_table(source: Path, table: str, values: Any) -> None:
    if table not in SCHEMA:
        raise UsageError(f"{source}: unknown table [{table}]", _suggestion(table, SCHEMA))
    if not isinstance(values, dict):
        raise UsageError(f"{source}: {table} must be a table", f"write [{table}] on a line of its own")
    _check_keys(source, f"[{table}]", values, SCHEMA[table])
    for case in values.get("case", ()):
        _check_keys(source, "[[gate.case]]", case, CASE)


def _check_keys(source: Path, place: str, values: Mapping[str, Any], known: Keys) -> None:
    for key, value in values.items():
        if key not in known:
            raise UsageError(f"{source}: unknown key {key!r} in {place}", _suggestion(key, known))
        check, expected = known[key]
        if not check(value):
            raise UsageError(
                f"{source}: {key} in {place} must be {expected}, not {value!r}",
                "docs/configuration.md lists the keys and their values",
            )


def _suggestion(word: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word.replace("_", "-"), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def _defaults(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {key.replace("-", "_"): value for key, value in values.items()}
    # File names in the configuration are relative to it, wherever the command is run.
    for name in ("runtime", "model", "baseline"):
        if name in defaults:
            defaults[name] = str(folder / defaults[name])
    if defaults.get("anchors") not in (None, "auto", "none"):
        defaults["anchors"] = str(folder / defaults["anchors"])
    if "case" in defaults:
        defaults["case"] = [_defaults(folder, case) for case in defaults["case"]]
    if "input" in defaults:
        defaults["input"] = [f"{name}={folder / file}" for name, file in defaults["input"].items()]
    if "input_shape" in defaults:
        shapes = defaults["input_shape"].items()
        defaults["input_shape"] = [f"{name}={','.join(map(str, shape))}" for name, shape in shapes]
    if "threshold" in defaults:
        defaults["threshold"] = str(defaults["threshold"])
    if "android_url" in defaults:
        defaults = {"fetch": {"url": defaults.pop("android_url")}}  # the verb below `runtimes` it is for
    return defaults
