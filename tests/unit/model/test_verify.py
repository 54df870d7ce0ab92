"""Every offset of a file is followed before anything is believed."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import flatbuffers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.model_mutations import mutated, places
from tests.unit.model.tables import packed_model, refusal, sparse_model
from tflprof.model.build import build_micro
from tflprof.model.layout import layout
from tflprof.model.read import read_model
from tflprof.model.schema import enum_text, generated
from tflprof.model.verify import verify

WHOLE = build_micro("two_signatures")
KNOWN = places(WHOLE)
SEEDS = [WHOLE, sparse_model(), packed_model(), build_micro("while_loop"), build_micro("conv_2d", "int8")]
SEEDS_KNOWN = [(content, places(content)) for content in SEEDS]
TABLES = [name for name, item in vars(generated()).items() if hasattr(item, "GetRootAs")]


def put(place: int, form: str, value: int) -> bytes:
    changed = bytearray(WHOLE)
    struct.pack_into(form, changed, place, value)
    return bytes(changed)


def why(content: bytes) -> str:
    """What is wrong with a file, empty if nothing is."""
    try:
        verify(content)
    except ValueError as error:
        return str(error)
    except struct.error:
        return "beyond the end"
    return ""


def test_whole_files_are_sound() -> None:
    assert [why(content) for content in SEEDS] == [""] * len(SEEDS)


@pytest.mark.parametrize("place", KNOWN.offsets)
@pytest.mark.parametrize("value", [0, 1, 2, 0x7FFFFFFC, 0xFFFFFFFC])
def test_no_offset_may_lead_elsewhere_than_into_the_file(place: int, value: int) -> None:
    assert why(put(place, "<I", value))


@pytest.mark.parametrize("place", KNOWN.vectors)
def test_no_vector_may_claim_more_than_the_file_holds(place: int) -> None:
    assert why(put(place, "<I", len(WHOLE)))
    assert why(put(place, "<I", 0xFFFFFFFF))


@pytest.mark.parametrize("place", KNOWN.tables)
def test_no_table_may_have_its_vtable_outside_the_file(place: int) -> None:
    for value in (1 << 30, -(1 << 30), place + 1):
        assert "vtable" in why(put(place, "<i", value))


@pytest.mark.parametrize("place", KNOWN.vtables)
def test_no_vtable_may_be_odd_or_reach_beyond_the_end(place: int) -> None:
    for value in (0, 3, 7, 0xFFFE):
        assert why(put(place, "<H", value))


@pytest.mark.parametrize(
    "place", [place for place in KNOWN.vtables if struct.unpack_from("<H", WHOLE, place)[0] > 4]
)
def test_no_field_may_lie_outside_its_table(place: int) -> None:
    assert "has a field of" in why(put(place + 2, "<H", 4))


@pytest.mark.parametrize("end", range(16, len(WHOLE) - 4, 52))
def test_no_end_may_be_missing(end: int) -> None:
    assert why(WHOLE[:end])


def test_a_place_cannot_be_two_tables() -> None:
    subgraphs = next(field for field in layout("Model") if field.table == "SubGraph")
    root = struct.unpack_from("<I", WHOLE)[0]
    vtable = root - struct.unpack_from("<i", WHOLE, root)[0]
    place = root + struct.unpack_from("<H", WHOLE, vtable + subgraphs.slot)[0]
    start = place + struct.unpack_from("<I", WHOLE, place)[0] + 4
    first = start + struct.unpack_from("<I", WHOLE, start)[0]
    second = next(at for at in KNOWN.tables if at > first)
    assert why(put(start, "<I", second - start))


def test_many_offsets_to_one_table_are_more_tables_than_the_file_can_hold() -> None:
    """A vector of offsets may lead to one table again and again: a small file would be a huge model."""
    model = generated().ModelT(version=3, buffers=[generated().BufferT()])
    builder = flatbuffers.Builder(1 << 12)
    table = generated().SubGraphT(tensors=[]).Pack(builder)
    builder.StartVector(4, 20_000, 4)
    for _ in range(20_000):
        builder.PrependUOffsetTRelative(table)
    subgraphs = builder.EndVector()
    generated().ModelStart(builder)
    generated().ModelAddVersion(builder, model.version)
    generated().ModelAddSubgraphs(builder, subgraphs)
    builder.Finish(generated().ModelEnd(builder), b"TFL3")
    assert "claims" in why(bytes(builder.Output()))


@pytest.mark.parametrize("name", TABLES)
def test_the_layout_has_every_field_of_the_schema(name: str) -> None:
    """The class that holds a table's fields as Python values has as many, kinds of unions included."""
    fields = vars(getattr(generated(), f"{name}T")()) if hasattr(generated(), f"{name}T") else {}
    found = layout(name)
    assert len(found) == len(fields)
    assert len({field.slot for field in found}) == len(found)
    assert all(field.slot >= 4 and field.slot % 2 == 0 and field.width in (1, 2, 4, 8) for field in found)


def test_no_table_can_hold_itself() -> None:
    """So that following offsets ends."""

    def depth(name: str, path: tuple[str, ...] = ()) -> int:
        assert name not in path
        below = [field.table for field in layout(name) if field.table]
        for field in layout(name):
            if field.union:
                kinds = [enum_text(field.union, value) for value in range(1, 140)]
                below += [kind for kind in kinds if kind in TABLES]
        return 1 + max((depth(kind, (*path, name)) for kind in below), default=0)

    assert depth("Model") < 10


@given(st.integers(0, len(SEEDS) - 1), st.integers(0, 2**32))
def test_damage_ends_in_a_model_or_a_model_error(
    tmp_path_factory: pytest.TempPathFactory, which: int, seed: int
) -> None:
    content, known = SEEDS_KNOWN[which]
    changed, _ = mutated(random.Random(seed), content, known)
    path = tmp_path_factory.getbasetemp() / "mutated.tflite"
    path.unlink(missing_ok=True)
    path.write_bytes(changed)
    message = refusal(lambda: read_model(path))
    assert not message or Path(path).name in message
