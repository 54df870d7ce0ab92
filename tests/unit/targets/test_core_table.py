from __future__ import annotations

import re
from contextlib import suppress
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core_tables import GOOD, with_class
from tflprof.errors import TargetError
from tflprof.targets import core_table
from tflprof.targets.arm_parts import make_midr, part_name
from tflprof.targets.core_table import CLASSES, SOURCED, core_names, core_of, load_core, parse_core


@pytest.mark.parametrize("name", core_names())
def test_every_core_has_all_costs_and_a_source_for_each(name: str) -> None:
    table = load_core(name)
    assert tuple(table.classes) == CLASSES
    assert set(table.sources) == set(SOURCED)
    assert all(len(source) > 10 for source in table.sources.values())
    for cost in table.classes.values():
        assert len(cost.source) > 10
        assert cost.substitute != name
        assert cost.latency >= 1
    assert table.classes["other"].pipes == ()
    assert all(cost.pipes for kind, cost in table.classes.items() if kind != "other")


@pytest.mark.parametrize("name", core_names())
def test_costs_are_plausible(name: str) -> None:
    costs = load_core(name).classes
    for narrow, wide in (
        ("fp_mla_64", "fp_mla_128"),
        ("fp_add_64", "fp_add_128"),
        ("load_simd_64", "load_simd_128"),
    ):
        assert _busy(costs[narrow]) <= _busy(costs[wide])
    assert _busy(costs["load_multi_1"]) <= _busy(costs["load_multi_2"]) <= _busy(costs["load_multi_4"])
    assert costs["fp_divide_128"].latency > costs["fp_multiply_128"].latency
    assert costs["fp_mla_128"].accumulate <= costs["fp_mla_128"].latency


def _busy(cost: core_table.ClassCost) -> float:
    return sum(time for _, time in cost.pipes)


@pytest.mark.parametrize("name", core_names())
def test_a_number_that_is_not_published_says_so(name: str) -> None:
    """Words such as ``substitute`` and ``nearest`` stand in sources of borrowed costs, and nowhere else alone."""
    text = resources.files(core_table.__package__).joinpath("cores", f"{name}.toml").read_text("utf-8")
    borrowed = {cost.substitute for cost in load_core(name).classes.values() if cost.substitute}
    assert bool(borrowed) == ("substitute =" in text)
    assert borrowed <= set(core_names())


def test_parts_are_known_and_of_one_core_each() -> None:
    parts = [part for name in core_names() for part in load_core(name).parts]
    assert len(parts) == len(set(parts))
    for implementer, part in parts:
        midr = make_midr(implementer, 0, part, 0)
        assert part_name(midr), f"{implementer:x} {part:x}"
        assert (implementer, part) in load_core(core_of(midr) or "").parts


def test_variants_and_revisions_of_a_core_are_the_same_core() -> None:
    assert core_of(make_midr(0x51, 10, 0x800, 1)) == core_of(make_midr(0x41, 0, 0xD09, 2)) == "cortex-a73"
    assert core_of(make_midr(0x41, 0, 0xC05, 0)) is None


def test_a_good_core() -> None:
    table = parse_core("test", GOOD.encode())
    assert (table.title, table.parts, table.order, table.width) == ("Test core", ((0x41, 0xFFF),), "out", 3)
    assert (table.window, table.mispredict, table.pipes) == (40, 12.5, {"simd": 2, "load": 1})
    assert (table.caches.l3_ways, table.caches.l2_line, table.assumed, table.tuned) == (0, 3.8, (), {})
    cost = table.classes["fp_mla_128"]
    assert (cost.slots, cost.latency, cost.accumulate, cost.pipes) == (1, 2, 2, (("simd", 1.0),))
    assert (cost.source, cost.substitute) == ("somebody's measurements", None)


def test_two_pipes_of_a_name_and_the_operand_added_to() -> None:
    wide = "fp_mla_128 = { slots = 2, latency = 7, accumulate = 3, simd = [1, 1.5], load = 2 }"
    cost = parse_core("test", with_class("fp_mla_128", wide)).classes["fp_mla_128"]
    assert (cost.slots, cost.latency, cost.accumulate) == (2, 7, 3)
    assert cost.pipes == (("simd", 1.0), ("simd", 1.5), ("load", 2.0))


def test_costs_of_another_core() -> None:
    theirs = load_core("cortex-a76").classes["branch"]
    text = GOOD.replace("branch = { latency = 2, simd = 1 }\n", "").replace("[pipes]", "[pipes]\nbranch = 1")
    borrowed = 'source = "not published"\nsubstitute = "cortex-a76"\nclasses = "branch"\nslots = 2'
    cost = parse_core("test", f"{text}\n[[costs]]\n{borrowed}\n".encode()).classes["branch"]
    assert (cost.latency, cost.pipes, cost.slots) == (theirs.latency, theirs.pipes, 2)
    assert (cost.source, cost.substitute) == ("not published", "cortex-a76")


def test_who_lends_what_was_lent_is_not_named() -> None:
    assert load_core("cortex-a75").classes["fp_mla_128"].substitute == "cortex-a72"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('order = "out"', 'order = "both"', "order must be in or out"),
        ('order = "out"', 'order = "in"', "window must be 0 in order"),
        ("window = 40", "window = 0", "window must be 0 in order"),
        ("width = 3", "width = 0", "width must be a whole number from 1"),
        ("width = 3", "width = 2.5", "width must be a whole number"),
        ("width = 3", "width = true", "width must be a whole number"),
        ("width = 3\n", "", "'width' is missing"),
        ("mispredict = 12.5", "mispredict = nan", "mispredict must be a number"),
        ("mispredict = 12.5", "mispredict = -1", "mispredict must be between 0 and 1000"),
        ("mispredict = 12.5", 'mispredict = "ten"', "mispredict must be a number, not 'ten'"),
        ('title = "Test core"', 'title = " "', "title must be a text"),
        ("[pipes]", "colour = 1\n[pipes]", "sources"),
        ("width = 3", "width = 3\ncolour = 1", "unknown keys colour"),
        ("simd = 2", "simd = 0", "pipes.simd must be a whole number"),
        ('caches = "measured"\n', "", "sources must be told of pipeline, pipes, caches"),
        ("l2_ways = 8", "l2_ways = 8\nl4_ways = 8", "unknown keys caches.l4_ways"),
        ("l2_ways = 8", "l2_ways = 0", "caches.l2_ways must be a whole number from 1"),
        ('source = "somebody\'s measurements"\n', "", "'source' is missing"),
        ("fp_round = ", "fp_square = ", "unknown classes fp_square"),
        ("fp_round = { latency = 2, simd = 1 }\n", "", "no costs of fp_round"),
        ("other = { latency = 2, simd = 1 }", "other = { simd = 1 }", "'latency' is missing"),
        ("other = { latency = 2, simd = 1 }", "other = 2", "core test"),
        (
            "other = { latency = 2, simd = 1 }",
            "other = { latency = 2, fpu = 1 }",
            "takes 1 pipes 'fpu', of which there are 0",
        ),
        (
            "other = { latency = 2, simd = 1 }",
            "other = { latency = 2, load = [1, 1] }",
            "takes 2 pipes 'load'",
        ),
        (
            "other = { latency = 2, simd = 1 }",
            "other = { latency = 2, simd = [1, 1, 1, 1, 1] }",
            "more than 4 pipes",
        ),
        (
            "other = { latency = 2, simd = 1 }",
            "other = { latency = 2, accumulate = 3 }",
            "accumulate is above",
        ),
        ("other = { latency = 2, simd = 1 }", "other = { latency = inf }", "other.latency must be a number"),
        ("parts = [", "pieces = [", "'parts' is missing"),
        ("[[costs]]", "[[prices]]", "'costs' is missing"),
        ("title = ", "title ", "core test"),
    ],
)
def test_a_wrong_core(old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(TargetError, match=re.escape(told)):
        parse_core("test", GOOD.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (
            'source = "x"\nsubstitute = "cortex-a0"\nclasses = "other"',
            "there is no table of costs of a core 'cortex-a0'",
        ),
        ('source = "x"\nsubstitute = "cortex-a76"\nclasses = "other"', "classes twice: other"),
        ('source = "x"\nsubstitute = "cortex-a76"\nclasses = "others"', "'others' is missing"),
        (
            'source = "x"\nsubstitute = "cortex-a76"\nclasses = "other"\nalu = { latency = 1 }',
            "no costs of its own: alu",
        ),
        ('source = "x"\nsubstitute = "cortex-a76"\nclasses = 3', "classes must be a text"),
    ],
)
def test_a_wrong_loan(group: str, told: str) -> None:
    with pytest.raises(TargetError, match=re.escape(told)):
        parse_core("test", f"{GOOD}\n[[costs]]\n{group}\n".encode())


def test_there_is_no_such_core() -> None:
    with pytest.raises(TargetError, match=r"no table of costs of a core '\.\./phones/pixel2'") as caught:
        load_core("../phones/pixel2")
    assert "cortex-a73" in (caught.value.hint or "")


@given(st.binary(max_size=200))
def test_anything_is_a_core_or_an_error(data: bytes) -> None:
    with pytest.raises(TargetError):
        parse_core("test", data)


@given(st.data())
def test_a_core_with_anything_changed_is_a_core_or_an_error(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(
        st.sampled_from(
            ["", lines[number] * 2, lines[number].split("=")[0] + "= []", lines[number].replace("1", "-1")]
        )
        | st.text(max_size=30)
    )
    with suppress(TargetError):
        assert tuple(parse_core("test", "\n".join(lines).encode()).classes) == CLASSES
