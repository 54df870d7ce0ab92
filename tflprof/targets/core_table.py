"""What instructions and caches cost on a core, as data (cores/*.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from math import isfinite
from typing import Any

from tflprof.errors import TargetError

# Classes of instructions that the emulator's plugin tells apart; android_runner/plugin has the same list.
_CLASSES = """
alu alu_shift multiply divide branch other prefetch
load load_pair load_simd_64 load_simd_128 load_pair_simd_64 load_pair_simd_128
load_multi_1 load_multi_2 load_multi_3 load_multi_4 load_lane load_dup load_deinterleave
store store_pair store_simd_64 store_simd_128 store_pair_simd_128 store_multi store_lane
fp_add_64 fp_add_128 fp_multiply_64 fp_multiply_128 fp_mla_64 fp_mla_128 fp_minmax fp_compare fp_convert
fp_round fp_divide_32 fp_divide_128 fp_sqrt fp_move scalar_fp scalar_fp_mla
simd_alu_64 simd_alu_128 simd_shift simd_shift_narrow simd_multiply_64 simd_multiply_128
simd_saturating_multiply simd_multiply_long simd_dot simd_matrix simd_pairwise_long simd_narrow
simd_permute simd_table simd_from_general simd_to_general simd_insert simd_reduce
"""
CLASSES = tuple(_CLASSES.split())
# What each core's own data must have a source for.
SOURCED = ("pipeline", "pipes", "caches")
_MOST_PIPES = 4
_LONGEST = 1000.0
_GROUP_KEYS = ("source", "substitute", "classes", "slots")


@dataclass(frozen=True)
class ClassCost:
    """What an instruction of a class costs, in cycles.

    Attributes:
        slots: issue slots it takes.
        latency: until its result can be used.
        accumulate: from the operand it adds to, to the result of a following one of the class.
        pipes: names of the pipes it takes, all at the same time, each with how long it keeps one busy. A pipe named
            twice is two pipes of that name.
        source: where this is published.
        substitute: the core it was taken from, None if it is of this one.
    """

    slots: float
    latency: float
    accumulate: float
    pipes: tuple[tuple[str, float], ...]
    source: str
    substitute: str | None = None


@dataclass(frozen=True)
class CacheCosts:
    """Caches of a core.

    Attributes:
        l1d_ways, l2_ways, l3_ways: associativity; ``l3_ways`` is 0 where no such core has an L3.
        l2_latency: cycles from a load that misses L1 to its value from L2.
        l2_line: cycles per line when many such loads are under way at once.
    """

    l1d_ways: int
    l2_ways: int
    l3_ways: int
    l2_latency: float
    l2_line: float


@dataclass(frozen=True)
class CoreTable:
    """A kind of core.

    Attributes:
        name: the file's name without ``.toml``.
        parts: implementer and part number of the main ID registers of such cores.
        order: ``in`` or ``out``, how it executes.
        width: instructions it issues (in order) or dispatches (out of order) per cycle.
        window: instructions that can be under way, 0 in order.
        mispredict: cycles that a mispredicted branch costs.
        pipes: how many it has of each.
        classes: costs by class, all of :data:`CLASSES`.
        sources: where all but the classes is published (:data:`SOURCED`).
        assumed: what of it is not published, and what was taken in its place.
        tuned: constants of the model that were tuned for this core alone (:mod:`tflprof.targets.tuning`).
    """

    name: str
    title: str
    parts: tuple[tuple[int, int], ...]
    order: str
    width: int
    window: int
    mispredict: float
    pipes: Mapping[str, int]
    classes: Mapping[str, ClassCost]
    caches: CacheCosts
    sources: Mapping[str, str]
    assumed: tuple[str, ...]
    tuned: Mapping[str, Any]


def core_names() -> list[str]:
    """Names of all cores that have a table."""
    files = resources.files(__package__).joinpath("cores").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


@cache
def load_core(name: str) -> CoreTable:
    """The table of a core. Raises TargetError if there is none, or if its file is wrong."""
    if name not in core_names():
        raise TargetError(
            f"there is no table of costs of a core {name!r}", f"known: {', '.join(core_names())}"
        )
    return parse_core(name, _content(name))


@cache
def _by_part() -> Mapping[tuple[int, int], str]:
    return {part: name for name in core_names() for part in _parts(tomllib.loads(_content(name).decode()))}


def _parts(facts: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    return tuple((part["implementer"], part["part"]) for part in facts["parts"])


def _content(name: str) -> bytes:
    return resources.files(__package__).joinpath("cores", f"{name}.toml").read_bytes()


def core_of(midr: int) -> str | None:
    """Name of the table of cores with this main ID register, None if there is none."""
    return _by_part().get((midr >> 24 & 0xFF, midr >> 4 & 0xFFF))


def parse_core(name: str, data: bytes) -> CoreTable:
    """A core from the content of its file. Raises TargetError saying what is wrong with it."""
    try:
        facts = tomllib.loads(data.decode())
        table = _table(name, facts)
        if facts:
            raise ValueError(f"unknown keys {', '.join(sorted(facts))}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TargetError(f"core {name}: {_words(error)}") from error
    return table


def _words(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _table(name: str, facts: dict[str, Any]) -> CoreTable:
    """Take every known key out of ``facts``."""
    pipes = {pipe: _whole(count, f"pipes.{pipe}", 1) for pipe, count in facts.pop("pipes").items()}
    table = CoreTable(
        name=name,
        title=_text(facts.pop("title"), "title"),
        parts=_parts({"parts": facts.pop("parts")}),
        order=_one_of(facts.pop("order"), "order", ("in", "out")),
        width=_whole(facts.pop("width"), "width", 1),
        window=_whole(facts.pop("window"), "window", 0),
        mispredict=_cycles(facts.pop("mispredict"), "mispredict"),
        pipes=pipes,
        classes=_classes(facts.pop("costs"), pipes),
        caches=_caches(facts.pop("caches")),
        sources={key: _text(text, f"sources.{key}") for key, text in facts.pop("sources").items()},
        assumed=tuple(_text(text, "assumed") for text in facts.pop("assumed", ())),
        tuned=facts.pop("tuned", {}),
    )
    if set(table.sources) != set(SOURCED):
        raise ValueError(f"sources must be told of {', '.join(SOURCED)}")
    if (table.order == "in") != (table.window == 0):
        raise ValueError("window must be 0 in order, and above 0 out of order")
    return table


def _classes(groups: list[dict[str, Any]], pipes: Mapping[str, int]) -> dict[str, ClassCost]:
    found: dict[str, ClassCost] = {}
    for group in groups:
        source = _text(group["source"], "source")
        costs = _borrowed(group, source) if "substitute" in group else _own(group, source)
        twice = sorted(found.keys() & costs.keys())
        if twice:
            raise ValueError(f"classes twice: {', '.join(twice)}")
        found.update(costs)
    unknown, missing = sorted(found.keys() - set(CLASSES)), [name for name in CLASSES if name not in found]
    if unknown or missing:
        problem = f"unknown classes {', '.join(unknown)}" if unknown else f"no costs of {', '.join(missing)}"
        raise ValueError(problem)
    for name, cost in found.items():
        _check_pipes(name, cost, pipes)
    return {name: found[name] for name in CLASSES}


def _borrowed(group: dict[str, Any], source: str) -> dict[str, ClassCost]:
    """Costs of another core; ``source`` says why there are none of this one."""
    extra = sorted(group.keys() - set(_GROUP_KEYS))
    if extra:
        raise ValueError(f"a substitute has no costs of its own: {', '.join(extra)}")
    other = load_core(group["substitute"])
    slots = _cycles(group["slots"], "slots") if "slots" in group else None
    costs = {}
    for name in _text(group["classes"], "classes").split():
        cost = other.classes[name]
        lender = cost.substitute or other.name
        taken = cost.slots if slots is None else slots
        costs[name] = replace(cost, slots=taken, source=source, substitute=lender)
    return costs


def _own(group: dict[str, Any], source: str) -> dict[str, ClassCost]:
    return {
        name: _cost(name, dict(value), source) for name, value in group.items() if name not in _GROUP_KEYS[:1]
    }


def _cost(name: str, value: dict[str, Any], source: str) -> ClassCost:
    slots = _cycles(value.pop("slots", 1), f"{name}.slots")
    latency = _cycles(value.pop("latency"), f"{name}.latency")
    accumulate = _cycles(value.pop("accumulate", latency), f"{name}.accumulate")
    pipes = [
        (pipe, _cycles(time, f"{name}.{pipe}"))
        for pipe, times in value.items()
        for time in (times if isinstance(times, list) else [times])
    ]
    if len(pipes) > _MOST_PIPES:
        raise ValueError(f"{name} takes more than {_MOST_PIPES} pipes")
    if accumulate > latency:
        raise ValueError(f"{name}.accumulate is above its latency")
    return ClassCost(slots, latency, accumulate, tuple(pipes), source)


def _check_pipes(name: str, cost: ClassCost, pipes: Mapping[str, int]) -> None:
    wanted = [pipe for pipe, _ in cost.pipes]
    for pipe in wanted:
        if wanted.count(pipe) > pipes.get(pipe, 0):
            raise ValueError(
                f"{name} takes {wanted.count(pipe)} pipes {pipe!r}, of which there are {pipes.get(pipe, 0)}"
            )


def _caches(facts: dict[str, Any]) -> CacheCosts:
    costs = CacheCosts(
        l1d_ways=_whole(facts.pop("l1d_ways"), "caches.l1d_ways", 1),
        l2_ways=_whole(facts.pop("l2_ways"), "caches.l2_ways", 1),
        l3_ways=_whole(facts.pop("l3_ways", 0), "caches.l3_ways", 0),
        l2_latency=_cycles(facts.pop("l2_latency"), "caches.l2_latency"),
        l2_line=_cycles(facts.pop("l2_line"), "caches.l2_line"),
    )
    if facts:
        raise ValueError(f"unknown keys caches.{', caches.'.join(sorted(facts))}")
    return costs


def _cycles(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError(f"{key} must be a number, not {value!r}")
    if not 0 <= value <= _LONGEST:
        raise ValueError(f"{key} must be between 0 and {_LONGEST:g}, not {value}")
    return float(value)


def _whole(value: object, key: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LONGEST:
        raise ValueError(f"{key} must be a whole number from {least} to {_LONGEST:g}, not {value!r}")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a text, not {value!r}")
    return value


def _one_of(value: object, key: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"{key} must be {' or '.join(choices)}, not {value!r}")
    return str(value)
