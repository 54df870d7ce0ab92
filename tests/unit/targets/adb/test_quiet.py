"""Waiting for a cool phone, and what a guard's words are made into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from tflprof.targets.adb.android import Battery, Heat
from tflprof.targets.adb.facts import State
from tflprof.targets.adb.quiet import QuietDevice, hottest, too_warm
from tflprof.targets.adb.reading import Result
from tflprof.targets.adb.setup import PhoneSetup


def state(battery: float | None = None, cores: float | None = None, status: int | None = None) -> State:
    return State(Battery(celsius=battery), Heat(status), cores, None, ())


@pytest.mark.parametrize(
    ("known", "celsius"),
    [(state(30.0, 41.0), 41.0), (state(35.0, 31.0), 35.0), (state(None, 31.0), 31.0), (state(), None)],
)
def test_the_warmer_of_battery_and_cores_counts(known: State, celsius: float | None) -> None:
    assert hottest(known) == celsius


def test_a_battery_that_reports_fixed_values_does_not_count() -> None:
    frozen = State(Battery(celsius=50.0, frozen=True), Heat(), 31.0, None, ())
    assert hottest(frozen) == 31.0


@pytest.mark.parametrize(
    ("known", "cool_to", "why"),
    [
        (state(30.0, 41.0), 40.0, "41.0 °C, wanted 40 °C"),
        (state(30.0, 40.0), 40.0, None),
        (state(), 40.0, None),
        (state(99.0, 99.0, 3), 100.0, None),
        (state(50.0, 50.0, 2), None, "thermal status 2"),
        (state(50.0, 50.0, 0), None, None),
        (state(50.0, 50.0, None), None, None),
    ],
)
def test_when_to_wait(known: State, cool_to: float | None, why: str | None) -> None:
    assert too_warm(known, cool_to) == why


@dataclass
class Link:
    """A phone that tells a temperature after the other."""

    temperatures: list[float | None]
    name: str = "Phone"
    lost: bool = False
    asked: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [0])
    pushed: list[str] = field(default_factory=list)

    def push(self, content: bytes, path: str) -> None:
        self.pushed.append(path)

    def run(self, script: str, timeout: float) -> Result:
        self.asked.append(script)
        if '"$@"' not in script:
            return Result(b"end\n", b"", 0)
        celsius = self.temperatures.pop(0) if len(self.temperatures) > 1 else self.temperatures[0]
        mark = next(line.split()[2] for line in script.splitlines() if line.endswith('"$@"')).rstrip(";")
        text = "" if celsius is None else f"  temperature: {round(celsius * 10)}\n"
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        heat = f"Thermal Status: {status}\nHAL Ready: true\n"
        told = f"\n{mark} battery\n{text}\n{mark} thermalservice\n{heat}\n{mark} end\n"
        return Result(told.encode(), b"", 0)


def wait(link: Link, setup: PhoneSetup, monkeypatch: pytest.MonkeyPatch) -> tuple[QuietDevice, list[str]]:
    """The device after its waiting; time passes only in sleep."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("tflprof.targets.adb.quiet.time.monotonic", lambda: now)
    monkeypatch.setattr("tflprof.targets.adb.quiet.time.sleep", sleep)
    told: list[str] = []
    device = QuietDevice(
        link,
        setup,
        (),
        33,
        "owner",
        lambda stage, fraction, detail: told.append(f"{stage} {fraction or 0:.2f} {detail}"),
    )
    with device:
        pass
    return device, told


def test_waiting_until_it_is_cool(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link([45.0, 42.0, 39.5])
    device, told = wait(link, PhoneSetup(cool_to=40.0, wait_seconds=8.0), monkeypatch)
    assert device.to_json() == {"done": ["cooled down to 39.5 °C"], "refused": []}
    assert told == ["cooling 0.00 45.0 °C, wanted 40 °C", "cooling 0.25 42.0 °C, wanted 40 °C"]


def test_waiting_ends_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = wait(Link([45.0]), PhoneSetup(cool_to=40.0, wait_seconds=60.0), monkeypatch)
    assert device.to_json() == {
        "done": [],
        "refused": ["cooling down: after 60 seconds still 45.0 °C, wanted 40 °C"],
    }


def test_a_phone_without_a_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    device, told = wait(Link([None]), PhoneSetup(cool_to=40.0), monkeypatch)
    assert device.to_json() == {"done": [], "refused": ["cooling down: the phone tells no temperature"]}
    assert told == []


def test_nothing_wished_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link([45.0])
    device, _ = wait(link, PhoneSetup(), monkeypatch)
    assert link.asked == []
    assert device.to_json() == {"done": [], "refused": []}


class Guard:
    """The program on the phone: it is ready when it begins, and again when it was told to go on."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.saying = [b"ready\n"]
        self.interrupted = False
        self.ended = False

    def start(self, *_: object) -> Guard:
        return self

    def write(self, text: str) -> None:
        self.happened.append(text)
        self.saying.append(b"ready\n")

    def lines(self) -> Iterator[bytes]:
        if self.interrupted:
            raise KeyboardInterrupt
        while self.saying:
            yield self.saying.pop(0)

    def terminate(self) -> None:
        self.happened.append("ends")
        self.saying.append(b"end\n")

    def wait(self) -> int:
        return 0

    def kill(self) -> None:
        self.happened.append("killed")

    def close(self) -> None:
        self.happened.append("closed")


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    guard = Guard()
    monkeypatch.setattr("tflprof.targets.adb.quiet.AdbProcess", guard.start)
    return guard


FREQUENCY = PhoneSetup(frequency_khz=1000000, wait_seconds=8.0)


def test_clocks_are_changed_when_the_phone_is_cool(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link([30.0], statuses=[2, 1, 0])
    device, told = wait(link, FREQUENCY, monkeypatch)
    assert told == [
        "quieting 0.00 Phone",
        "cooling 0.00 thermal status 2",
        "cooling 0.25 thermal status 1",
    ]
    assert guard.happened == ["go \n", "ends", "closed"]
    assert device.to_json() == {"done": ["not throttling"], "refused": []}


def test_a_phone_that_goes_on_throttling_is_told_of(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = wait(Link([30.0], statuses=[2]), FREQUENCY, monkeypatch)
    assert guard.happened[0] == "go thermal status 2\n"
    assert device.to_json()["refused"] == ["cooling down: after 8 seconds still thermal status 2"]


def test_a_phone_as_cool_as_wished_may_still_throttle(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = replace(FREQUENCY, cool_to=40.0)
    _, told = wait(Link([30.0], statuses=[1, 0]), setup, monkeypatch)
    assert told[1:] == ["cooling 0.00 thermal status 1"]


def test_a_governor_needs_no_cool_phone(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link([30.0], statuses=[2])
    wait(link, PhoneSetup(governor="performance"), monkeypatch)
    assert guard.happened == ["go \n", "ends", "closed"]
    assert link.asked == []


def test_limits_after_a_broken_link_are_looked_at_anew(guard: Guard) -> None:
    link = Link([30.0], statuses=[0, 0, 2])
    device = QuietDevice(
        link,
        FREQUENCY,
        (),
        33,
        "owner",
        lambda *_: None,
    )
    device.begin()
    guard.saying.append(b"ready\n")
    device.renew()
    assert guard.happened == ["go \n", "closed", "go thermal status 2\n"]


def test_an_interrupted_restoring_goes_on_without_us(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    device = QuietDevice(
        Link([30.0]),
        PhoneSetup(quiet=True),
        (),
        33,
        "owner",
        lambda *_: None,
    )
    device.begin()
    guard.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        device.end()
    assert guard.happened == ["ends", "closed"]
    device.end()
    assert guard.happened == ["ends", "closed"]
