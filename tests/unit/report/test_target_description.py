from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from tflprof.report.target_description import description_document, print_description
from tflprof.targets.describe import describe_target


def printed(target: dict[str, Any], width: int = 120) -> str:
    stream = io.StringIO()
    print_description(target, Console(file=stream, width=width, highlight=False, markup=False))
    return stream.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_phone() -> None:
    text = flat(printed(describe_target("pixel6").to_json()))
    assert text.startswith("emulated:pixel6: Google Pixel 6, Google Tensor (GS101)")
    assert "4-5 mid Cortex-A76 0.400 to 2.25 GHz 64.0 KiB 256 KiB each 0x414fd0b0" in text
    assert "6-7 big, prime Cortex-X1" in text
    assert "mid: CPU 4-5, one thread on 5" in text
    assert "L3 4.00 MiB, shared by all" in text
    assert "their sizes are not listed in /sys" in text
    assert "hardware no such line in /proc/cpuinfo" in text
    assert "emulated as -cpu cortex-a76" in text
    assert "gs101.dtsi" in text
    assert "not published, usual sizes" in text


def test_what_is_unknown_is_left_out_or_a_dash() -> None:
    target = describe_target("pixel2").to_json() | {
        "memory_bytes": None,
        "features": None,
        "hardware": None,
        "l3_bytes": None,
        "caches_listed": None,
        "emulated_cpu": None,
        "sources": {},
        "assumed": (),
        "costs": (),
    }
    for kind in target["kinds"]:
        kind.update(min_khz=None, max_khz=None, l1d_bytes=None, l2_bytes=None, midr=None, part=None)
    text = flat(printed(target))
    assert "0-3 little – – – – –" in text
    for name in ("memory", "L3", "features", "hardware", "emulated as", "published"):
        assert name not in text
    assert " 0 " not in text


def test_what_instructions_cost_on_each_kind_of_core() -> None:
    target = describe_target("pixel2").to_json()
    text = flat(printed(target, 160))
    assert "Costs on Cortex-A53 (CPU 0-3), cycles 2 instructions a cycle, in order" in text
    assert (
        "Costs on Cortex-A73 (CPU 4-7), cycles 2 instructions a cycle, out of order, 128 instructions" in text
    )
    assert "memory from CPU 4-7: 19.5 GB/s" in text
    for core in target["costs"]:
        assert set(core["classes"]) <= set(text.split())
        for cost in core["classes"].values():
            assert flat(cost["source"])[:40] in text
        for reason in core["assumed"]:
            assert reason.split()[0] in text


def test_a_target_without_costs_has_no_table_of_them() -> None:
    target = describe_target("pixel2").to_json() | {"costs": ()}
    assert "Costs on" not in printed(target)


def test_a_target_that_cannot_be_used_says_why() -> None:
    target = describe_target("pixel2").to_json() | {"reason": "no emulator", "remedy": "install it"}
    assert "cannot be used now: no emulator → install it" in flat(printed(target))


def test_names_are_data() -> None:
    target = describe_target("pixel2").to_json() | {"title": "[red]\x1b[31mPhone", "assumed": ("\x1b]0;x",)}
    table = target["costs"][0]
    target["costs"] = [
        table | {"title": "\x1b[31mcore", "assumed": ("\x1b]0;x",), "tuned": {"\x1b": ["\x1b"]}}
    ]
    text = printed(target)
    assert "\x1b" not in text
    assert "[red]\\x1b[31mPhone" in text


def test_it_fits_narrow_terminals() -> None:
    for width in (40, 80):
        text = printed(describe_target("galaxy-s23").to_json(), width)
        assert max(map(len, text.splitlines())) <= width
        assert "0-2" in text


def test_the_document_holds_everything_that_is_shown() -> None:
    document = json.loads(json.dumps(description_document(describe_target("pixel8").to_json())))
    assert document["schema_version"] == 1
    target = document["target"]
    assert target["kinds"][2]["part"] == "Cortex-X3"
    assert "i8mm" in target["features"]
    assert target["cores"][1] == {"core": "mid", "cpus": [4, 5, 6, 7], "first": 7}
    assert printed(target) == printed(describe_target("pixel8").to_json())
