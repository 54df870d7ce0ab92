from __future__ import annotations

import pytest

from tests.factories import make_profile
from tflprof.errors import TargetError
from tflprof.facts import Cpu
from tflprof.targets import describe
from tflprof.targets.describe import CoreChoice, describe_target
from tflprof.targets.phone import phone_names


@pytest.mark.parametrize("name", phone_names())
def test_every_phone_by_its_name_and_as_a_target(name: str) -> None:
    known = describe_target(name)
    assert known == describe_target(f"emulated:{name}")
    assert known.name == f"emulated:{name}"
    assert known.provenance == "predicted"
    assert [table.name for table in known.costs] == list(dict.fromkeys(kind.costs for kind in known.kinds))
    assert all(kind.memory for kind in known.kinds)
    assert all({"loop", "overlap", "points"} <= table.tuned.keys() for table in known.costs)
    assert sorted(cpu for kind in known.kinds for cpu in kind.cpus) == list(range(sum(_sizes(known.kinds))))
    assert all(kind.part and kind.l1d_bytes and kind.l2_bytes and kind.min_khz for kind in known.kinds)
    assert all(choice.first == choice.cpus[-1] for choice in known.cores)


def _sizes(kinds: tuple[describe.CoreKind, ...]) -> list[int]:
    return [len(kind.cpus) for kind in kinds]


def test_cores_of_a_phone_with_four_kinds() -> None:
    known = describe_target("galaxy-s23")
    assert [kind.part for kind in known.kinds] == ["Cortex-A510", "Cortex-A715", "Cortex-A710", "Cortex-X3"]
    assert known.cores == (
        CoreChoice("little", (0, 1, 2), 2),
        CoreChoice("mid", (3, 4, 5, 6), 6),
        CoreChoice("big", (7,), 7),
        CoreChoice("prime", (7,), 7),
    )
    assert known.l3_bytes == 8 << 20
    assert known.caches_listed is False


def test_what_a_phone_has_not_is_told_from_what_is_unknown() -> None:
    assert describe_target("pixel2").l3_bytes == 0
    assert describe_target("rpi4").hardware == ""
    host = describe_target("host")
    assert (host.l3_bytes, host.hardware, host.features, host.caches_listed) == (None, None, None, None)
    assert (host.provenance, host.costs) == ("measured", ())
    assert [kind.l2_bytes for kind in host.kinds] == [None] * len(host.kinds)


def test_a_phone_that_cannot_be_emulated_here_is_described_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(describe, "emulation_trouble", lambda: TargetError("no emulator", "install it"))
    known = describe_target("pixel6")
    assert (known.reason, known.remedy) == ("no emulator", "install it")
    assert len(known.kinds) == 3


@pytest.mark.parametrize("text", ["pixle2", "emulated:pixle2", "", "emulated:", "nothing:pixel2", "host:1"])
def test_there_is_no_such_target(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        describe_target(text)
    assert caught.value.hint


def test_a_mistyped_phone_is_guessed() -> None:
    with pytest.raises(TargetError) as caught:
        describe_target("pixle2")
    assert (caught.value.hint or "").startswith("did you mean pixel2?")


class FakePhone:
    """A connected phone as far as it is described."""

    def __init__(self, name: str, *, answers: bool = True) -> None:
        self.name = name
        self.reason = None if answers else "unauthorized"
        self.remedy = None if answers else "accept the question on its screen"
        self.inspection = type("Known", (), {"facts": FACTS})() if answers else None


FACTS = make_profile().meta.target


def test_connected_phones(monkeypatch: pytest.MonkeyPatch) -> None:
    phones = [FakePhone("adb:A"), FakePhone("adb:B", answers=False)]
    monkeypatch.setattr("tflprof.targets.adb.listing.list_phones", lambda: phones)
    assert describe_target("adb:A").title == FACTS.name
    with pytest.raises(TargetError, match="adb:B: unauthorized"):
        describe_target("adb:B")
    with pytest.raises(TargetError, match="no phone 'adb:C'"):
        describe_target("adb:C")
    with pytest.raises(TargetError, match="2 phones are connected") as caught:
        describe_target("adb")
    assert caught.value.hint == "name one: adb:A, adb:B"
    del phones[1]
    assert describe_target("adb").name == "adb:A"


def test_kinds_of_a_connected_phone() -> None:
    cpus = [Cpu(0, "Cortex-A55", 0x412FD050, 1_800_000, 0), Cpu(1, "Cortex-A76", 0x414FD0B0, 2_000_000, 1)]
    facts = type(FACTS)(name="Phone", kind="adb", os="Android", abi="arm64-v8a", cpus=tuple(cpus))
    known = describe._from_facts("adb:A", facts, None)
    assert [(kind.cpus, kind.part, kind.max_khz) for kind in known.kinds] == [
        ((0,), "Cortex-A55", 1_800_000),
        ((1,), "Cortex-A76", 2_000_000),
    ]
    assert [choice.core for choice in known.cores] == ["little", "big"]
