"""A search space as a file (docs/tables.md): networks and layers with the sizes they may have, as configurations."""

from __future__ import annotations

import difflib
import itertools
import math
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tflprof.errors import UsageError
from tflprof.model.build import NETWORKS, build_network
from tflprof.model.build.weights import DTYPES
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_channels import SCHEMES
from tflprof.op_config import OpConfig
from tflprof.workflow.space_layer import ACTIVATIONS, LAYER_OPS, PADDINGS, layer_config

MOST = 100_000
"""Configurations of a space."""
MOST_NETWORKS = 500

Check = Callable[[Any], bool]


def read_space(path: str | os.PathLike[str]) -> list[OpConfig]:
    """All configurations of a search space's file, each once, in the file's order.

    Raises:
        UsageError: no such file, no TOML, an unknown key, a wrong value, or too many combinations.
    """
    source = Path(path)
    try:
        data = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the search space {source} cannot be read: {error}", "give a TOML file (docs/tables.md)"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is no TOML: {error}", "see docs/tables.md for an example") from None
    return space_configs(data, str(source))


def space_configs(data: Mapping[str, Any], name: str = "the search space") -> list[OpConfig]:
    """The configurations of a search space's content, see :func:`read_space`."""
    if unknown := set(data) - {"network", "layer"}:
        raise _unknown(name, "the file", min(unknown), ("network", "layer"))
    for kind in data:
        if not isinstance(data[kind], list) or not all(isinstance(table, dict) for table in data[kind]):
            raise UsageError(f"{name}: {kind} must be tables, each under [[{kind}]]", "see docs/tables.md")
    if not any(data.values()):
        raise UsageError(f"{name} has neither a [[network]] nor a [[layer]]", "see docs/tables.md")
    found: dict[str, OpConfig] = {}
    for number, table in enumerate(data.get("network", ()), 1):
        for config in _networks(table, f"{name}: [[network]] {number}"):
            found.setdefault(config.key, config)
    for number, table in enumerate(data.get("layer", ()), 1):
        for config in _layers(table, f"{name}: [[layer]] {number}"):
            found.setdefault(config.key, config)
    return list(found.values())


def _networks(table: Mapping[str, Any], place: str) -> Iterator[OpConfig]:
    keys = ("name", "size", "width", "dtype", "classes")
    name = _name(table, place, "name", keys, tuple(NETWORKS))
    info = NETWORKS[name]
    lists = [
        _values(table, place, "size", [info.size], _whole),
        _values(table, place, "width", [1.0], _positive),
        _values(table, place, "dtype", ["float32"], lambda one: one in DTYPES, DTYPES),
        _values(table, place, "classes", [info.classes], _whole),
    ]
    _limit(math.prod(map(len, lists)), MOST_NETWORKS, f"{place} has", "networks")
    for size, width, dtype, classes in itertools.product(*lists):
        yield from _built(build_network(name, size, float(width), dtype, classes=classes))


def _built(content: bytes) -> Iterator[OpConfig]:
    with tempfile.TemporaryDirectory(prefix="tflprof-") as folder:
        path = Path(folder) / "network.tflite"
        path.write_bytes(content)
        for layer in layer_configs(read_model(path)):
            if layer.uncosted is None:
                yield layer.config


def _layers(table: Mapping[str, Any], place: str) -> Iterator[OpConfig]:
    keys = ("op", "size", "inputs", "outputs", "kernel", "stride", "activation", "padding", "dtype")
    op = _name(table, place, "op", keys, LAYER_OPS)
    taken = LAYER_OPS[op]
    if useless := sorted(set(table) - {"op", "dtype", *taken}):
        raise UsageError(f"{place}: {op} takes no {useless[0]}", f"it takes {', '.join(('dtype', *taken))}")
    lists = [
        _values(table, place, "size", [1], _whole),
        _values(table, place, "inputs", None, _whole),
        _values(table, place, "outputs", None if "outputs" in taken else [0], _whole),
        _values(table, place, "kernel", [1], _whole),
        _values(table, place, "stride", [1], _whole),
        _values(table, place, "activation", ["NONE"], lambda one: one in ACTIVATIONS, ACTIVATIONS),
        _values(table, place, "padding", ["SAME"], lambda one: one in PADDINGS, PADDINGS),
        _values(table, place, "dtype", ["float32"], lambda one: one in SCHEMES, SCHEMES),
    ]
    _limit(math.prod(map(len, lists)), MOST, f"{place} has", "layers")
    for values in itertools.product(*lists):
        size, inputs, outputs, kernel, stride, activation, padding, dtype = values
        try:
            yield layer_config(
                op,
                size=size,
                inputs=inputs,
                outputs=outputs,
                kernel=kernel,
                stride=stride,
                activation=activation,
                padding=padding,
                dtype=dtype,
            )
        except ValueError as error:
            raise UsageError(f"{place}: {error}", "change the sizes (docs/tables.md)") from None


def _name(
    table: Mapping[str, Any],
    place: str,
    key: str,
    keys: tuple[str, ...],
    known: Mapping[str, Any] | tuple[str, ...],
) -> str:
    """The table's name, its other keys checked."""
    if unknown := set(table) - set(keys):
        raise _unknown(place, "it", min(unknown), keys)
    name = table.get(key)
    if not isinstance(name, str) or name not in known:
        close = difflib.get_close_matches(str(name), list(known), 1)
        said = f"{place} has no {key}" if name is None else f"{place}: there is no {key} {name!r}"
        raise UsageError(said, f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}")
    return name


def _values(
    table: Mapping[str, Any],
    place: str,
    key: str,
    default: list[Any] | None,
    check: Check,
    known: tuple[str, ...] = (),
) -> list[Any]:
    """The values of a key: one, a list, or a range ``{ from, to, step }`` with both ends."""
    if key not in table:
        if default is None:
            raise UsageError(
                f"{place} has no {key}", f"{key} = 16, [16, 24] or {{ from = 8, to = 64, step = 8 }}"
            )
        return default
    value = table[key]
    found = (
        value
        if isinstance(value, list)
        else _range(value, place, key)
        if isinstance(value, dict)
        else [value]
    )
    wrong = next((one for one in found if not check(one)), None)
    if wrong is not None or not found:
        expected = f"one of {', '.join(known)}" if known else "numbers above 0"
        raise UsageError(
            f"{place}: {key} = {value!r} is not what it can be", f"expected {expected}, one or a list"
        )
    return list(dict.fromkeys(found))


def _range(value: Mapping[str, Any], place: str, key: str) -> list[int]:
    start, end, step = value.get("from"), value.get("to"), value.get("step", 1)
    sound = set(value) <= {"from", "to", "step"} and all(map(_whole, (start, end, step)))
    if not sound or start is None or end is None or end < start:
        raise UsageError(
            f"{place}: {key} = {dict(value)} is no range",
            f"such as {key} = {{ from = 8, to = 64, step = 8 }}",
        )
    _limit((end - start) // step + 1, MOST, f"{place}: {key} has", "values")
    return list(range(start, end + 1, step))


def _limit(count: int, most: int, what: str, unit: str) -> None:
    if count > most:
        raise UsageError(f"{what} {count} {unit}, more than {most}", "list fewer values, or use larger steps")


def _unknown(place: str, what: str, key: str, known: tuple[str, ...]) -> UsageError:
    close = difflib.get_close_matches(key, known, 1)
    return UsageError(
        f"{place}: there is no key {key!r}",
        f"did you mean {close[0]!r}?" if close else f"{what} may have {', '.join(known)}",
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
