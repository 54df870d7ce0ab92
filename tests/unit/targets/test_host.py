"""This machine as a device: which temperatures count."""

from __future__ import annotations

from pathlib import Path

from tflprof.targets.host import thermal_zones


def zone(folder: Path, number: int, kind: str | None) -> Path:
    place = folder / f"thermal_zone{number}"
    place.mkdir()
    if kind is not None:
        (place / "type").write_text(kind + "\n")
    (place / "temp").write_text("40000\n")
    return place / "temp"


def test_zones_of_the_processor_come_alone(tmp_path: Path) -> None:
    zone(tmp_path, 0, "acpitz")
    package = zone(tmp_path, 1, "x86_pkg_temp")
    cores = zone(tmp_path, 2, "CPU-therm")
    assert thermal_zones(tmp_path) == [package, cores]


def test_without_one_any_will_do_but_not_too_many(tmp_path: Path) -> None:
    zones = [zone(tmp_path, number, "acpitz" if number else None) for number in range(20)]
    found = thermal_zones(tmp_path)
    assert len(found) == 16
    assert set(found) < set(zones)


def test_a_machine_without_any(tmp_path: Path) -> None:
    (tmp_path / "thermal_zone0").mkdir()
    assert thermal_zones(tmp_path) == []
    assert thermal_zones(tmp_path / "absent") == []
