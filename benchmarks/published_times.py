"""Reading ``benchmarks/published/*.toml``: times that others published, one :class:`Point` each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflprof.model.build import NETWORKS

FOLDER = Path(__file__).resolve().parent / "published"
USES = ("tuned", "blind", "listed")
CHIPS = ("stated", "device", "clock", "unknown", "guessed")
"""Where the chip is known from: the source, or the device that it names; the kind of core and the clock that it prints;
not at all, but for these two; or not even from these."""
PRINTED = "printed"
_OTHERS = ("left_out.toml", "layers.toml")
_UNKNOWN = "not known"


@dataclass(frozen=True)
class Source:
    """Where times come from; ``rounding`` is half a unit of the last printed digit, ms."""

    name: str
    title: str
    address: str
    date: str
    library: str
    conditions: str
    quote: str
    rounding: float


@dataclass(frozen=True)
class Point:
    """One published time.

    Attributes:
        device: as the source names it.
        soc, cpu: chip and kind of core; ``chip_from``: one of :data:`CHIPS`.
        clock_ghz: of the core while it was measured; ``clock_from``: where that is known from.
        phone, core: the profile that predicts it; ``stands_in``: what differs if that is another device, or "".
        use: one of :data:`USES`; ``reason``: why it is only listed.
        model, size, width, dtype: of the network, as :func:`tflprof.model.build.build_network` takes them.
        ms: the published time of an inference on so many threads.
    """

    source: Source
    device: str
    soc: str
    cpu: str
    clock_ghz: float
    clock_from: str
    phone: str
    core: str
    use: str
    model: str
    size: int
    width: float
    dtype: str
    threads: int
    ms: float
    chip_from: str = CHIPS[0]
    stands_in: str = ""
    reason: str = ""

    @property
    def cluster(self) -> str:
        """What errors are correlated in: core of a chip, or the device if the chip is not known."""
        return f"{self.device if self.soc == _UNKNOWN else self.soc} {self.cpu}"

    @property
    def network(self) -> str:
        """Name of the network with what is not as published, such as ``mobilenet_v1 0.75 160``."""
        info = NETWORKS[self.model]
        parts = [self.model, *([f"{self.width:g}"] if self.width != 1 else [])]
        return " ".join([*parts, *([str(self.size)] if self.size != info.size else [])])

    @property
    def resized(self) -> int:
        """Size of the input where it is not the published one, else 0."""
        return 0 if self.size == NETWORKS[self.model].size else self.size

    @property
    def relative_rounding(self) -> float:
        """Half a unit of the last printed digit, of the time."""
        return self.source.rounding / self.ms


def read_points(folder: Path = FOLDER) -> list[Point]:
    """Every time of every source, in the order of files.

    Raises:
        ValueError: something is missing, unknown, or there twice; names the file.
    """
    points: list[Point] = []
    for path in sorted(folder.glob("*.toml")):
        if path.name not in _OTHERS:
            try:
                points += _points(path.stem, tomllib.loads(path.read_text()))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path.name}: {error!r}") from error
    return points


def left_out(folder: Path = FOLDER) -> list[tuple[str, str]]:
    """What was found and does not count, and why."""
    document = tomllib.loads((folder / _OTHERS[0]).read_text())
    return [(str(entry["what"]), str(entry["why"])) for entry in document["left_out"]]


@dataclass(frozen=True)
class LayerPoint:
    """A published time of one layer, or of all different shapes of a ``network``'s matrix multiplications.

    Attributes:
        size, channels, filters: rows and columns, and channels of a 1×1 convolution's input and output.
    """

    what: str
    device: str
    cpu: str
    clock_ghz: float
    phone: str
    core: str
    stands_in: str
    dtype: str
    ms: float
    address: str
    quote: str
    network: str = ""
    size: int = 0
    channels: int = 0
    filters: int = 0


def read_layers(folder: Path = FOLDER) -> list[LayerPoint]:
    """Every published time of layers."""
    document = tomllib.loads((folder / _OTHERS[1]).read_text())
    return [LayerPoint(**entry) for entry in document["layer"]]


def _points(name: str, document: Mapping[str, Any]) -> Iterator[Point]:
    given = {key: value for key, value in document.items() if key != "device"}
    source = Source(name, **{**given, "date": str(given["date"]), "rounding": float(given["rounding"])})
    seen = set()
    for device in document["device"]:
        shared = {key: value for key, value in device.items() if key not in ("times", "name")}
        for time in device["times"]:
            point = _point(source, str(device["name"]), shared, time)
            key = (point.device, point.network, point.dtype, point.threads)
            if key in seen:
                raise ValueError(f"{key} is there twice")
            seen.add(key)
            yield point


def _point(source: Source, device: str, shared: Mapping[str, Any], time: Mapping[str, Any]) -> Point:
    size = NETWORKS[time["model"]].size
    point = Point(source, device, **{"size": size, "width": 1.0, **shared, **time})
    if point.use not in USES or (point.use == "listed") != bool(point.reason):
        raise ValueError(f"{point.device}: use {point.use!r} with reason {point.reason!r}")
    _check_chip(point)
    if not point.ms > source.rounding or point.clock_ghz <= 0 or point.threads < 1:
        raise ValueError(f"{point.device}: {time}")
    return point


def _check_chip(point: Point) -> None:
    """Raise ValueError unless a time whose source tells neither chip nor clock is only listed, as all such are."""
    if point.chip_from not in CHIPS:
        raise ValueError(f"{point.device}: chip_from {point.chip_from!r}")
    if point.chip_from in ("clock", "unknown") and point.clock_from != PRINTED:
        raise ValueError(f"{point.device}: chip_from {point.chip_from!r}, but the clock is not printed")
    if point.chip_from == "guessed" and point.use != "listed":
        raise ValueError(f"{point.device}: neither chip nor clock is known, so it can only be listed")
