"""Which rows of two models are the same work: on MobileNets that were edited, and on random graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_profile
from tests.unit.analysis import networks
from tests.unit.analysis.networks import Layer, meta_of, mobilenet, rows_of
from tflprof.analysis import layer_match
from tflprof.analysis.comparison import Match
from tflprof.analysis.match import RowMatch, match_rows
from tflprof.model.build import build_network
from tflprof.profile.meta import LayerInfo, ProfileMeta


def names(meta: ProfileMeta, rows: Sequence[int]) -> tuple[str, ...]:
    infos = {layer.id: layer for layer in meta.model.layers}
    return tuple(infos[layer].name for row in rows for layer in meta.alignment.rows[row].layers)


def by_kind(a: ProfileMeta, b: ProfileMeta) -> dict[Match, list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Names on both sides of every match, by its kind."""
    found: dict[Match, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for match in match_rows(a, b):
        found.setdefault(match.match, []).append((names(a, match.a_rows), names(b, match.b_rows)))
    return found


def edited(folder: Path, layer: Layer, where: str, prefix: str = "") -> ProfileMeta:
    return meta_of(mobilenet({where: layer}, prefix=prefix), folder)


def unknown(meta: ProfileMeta) -> ProfileMeta:
    """The same without a fingerprint: only the structure is left to go by."""
    return replace(meta, model=replace(meta.model, fingerprint=None))


def test_equal_graphs_are_matched_by_identity_whatever_their_names(tmp_path: Path) -> None:
    a, b = meta_of(mobilenet(), tmp_path), meta_of(mobilenet(prefix="other/"), tmp_path)
    assert [one.match for one in match_rows(a, a)] == ["same"] * 31
    assert [one.match for one in match_rows(a, b)] == ["renamed"] * 31
    assert all(one.a_rows == one.b_rows for one in match_rows(a, b))


def test_names_are_no_help_needed(tmp_path: Path) -> None:
    a = unknown(meta_of(mobilenet(), tmp_path))
    b = unknown(meta_of(mobilenet(prefix="other/"), tmp_path))
    assert [(one.match, one.a_rows) for one in match_rows(a, b)] == [("renamed", (i,)) for i in range(31)]


@pytest.mark.parametrize("prefix", ["", "renamed/"])
@pytest.mark.parametrize(
    "where", ["conv_1_pointwise", "conv_5_pointwise", "conv_9_pointwise", "conv_13_pointwise"]
)
def test_an_inserted_layer_is_the_only_difference(tmp_path: Path, where: str, prefix: str) -> None:
    """Even amid five equal blocks, and where every name differs."""
    a = meta_of(mobilenet(), tmp_path)
    b = edited(tmp_path, networks.followed_by_relu, where, prefix)
    found = by_kind(a, b)
    assert found.pop("inserted") == [((), (f"{prefix}{where}_more",))]
    assert found == {
        "renamed" if prefix else "same": [((layer.name,), (prefix + layer.name,)) for layer in a.model.layers]
    }
    assert by_kind(b, a)["removed"] == [((f"{prefix}{where}_more",), ())]


@pytest.mark.parametrize("prefix", ["", "renamed/"])
@pytest.mark.parametrize(
    ("edit", "where", "parts"),
    [
        (networks.low_rank, "conv_8_pointwise", ("_down", "")),
        (networks.activation_apart, "conv_8_pointwise", ("/BiasAdd", "")),
        (networks.padding_apart, "conv_8_depthwise", ("/Pad", "")),
    ],
)
def test_a_split_layer_is_compared_with_all_its_parts(
    tmp_path: Path, edit: Layer, where: str, parts: tuple[str, ...], prefix: str
) -> None:
    a, b = meta_of(mobilenet(), tmp_path), edited(tmp_path, edit, where, prefix)
    assert by_kind(a, b).pop("split") == [((where,), tuple(f"{prefix}{where}{part}" for part in parts))]
    assert by_kind(b, a).pop("fused") == [(tuple(f"{prefix}{where}{part}" for part in parts), (where,))]
    assert set(by_kind(a, b)) == {"split", "renamed" if prefix else "same"}


def test_names_tell_of_an_activation_apart_where_the_profile_does_not(tmp_path: Path) -> None:
    """Profiles of before 0.1.0: the activation makes what the convolution made, by its name."""
    where = "conv_8_pointwise"
    a, b = meta_of(mobilenet(), tmp_path), edited(tmp_path, networks.activation_apart, where)
    old = [
        replace(
            meta,
            model=replace(meta.model, layers=tuple(replace(x, activation=None) for x in meta.model.layers)),
        )
        for meta in (a, b)
    ]
    assert by_kind(*old)["split"] == [((where,), (f"{where}/BiasAdd", where))]
    more = edited(tmp_path, networks.followed_by_relu, where)
    assert "split" not in by_kind(old[0], more)


def test_an_activation_in_one_operator_or_in_three(tmp_path: Path) -> None:
    one = edited(tmp_path, networks.hard_swish, "conv_8_pointwise")
    three = edited(tmp_path, networks.swish_by_hand, "conv_8_pointwise")
    where = "conv_8_pointwise"
    assert by_kind(one, three)["split"] == [((where,), (f"{where}/gate", f"{where}/scaled", where))]
    assert len(by_kind(one, three)["same"]) == 31


@pytest.mark.parametrize(
    ("a", "b"),
    [({"width": 0.5}, {"width": 0.75}), ({"size": 96}, {"size": 128}), ({}, {"dtype": "int8"})],
)
@pytest.mark.parametrize("network", ["mobilenet_v1", "mobilenet_v2"])
def test_other_widths_sizes_and_types_are_the_same_layers(
    tmp_path: Path, network: str, a: dict[str, object], b: dict[str, object]
) -> None:
    common = {"size": 96, "width": 0.25}
    one, other = (meta_of(build_network(network, **{**common, **more}), tmp_path) for more in (a, b))
    found = match_rows(one, other)
    assert all(match.a_rows == match.b_rows for match in found)
    assert {match.match for match in found} <= {"same", "changed"}
    assert sum(match.match == "changed" for match in found) >= len(found) - 4


def test_another_network_shares_its_ends_and_loses_nothing(tmp_path: Path) -> None:
    a, b = (meta_of(build_network(f"mobilenet_{v}", 96, 0.25), tmp_path) for v in ("v1", "v2"))
    found = by_kind(a, b)
    assert (("conv_0",), ("conv",)) in found["renamed"]
    assert found["same"] == [((name,), (name,)) for name in ("squeeze", "probabilities")]
    assert ((), ("block_2_add",)) in found["inserted"]
    for match in match_rows(a, b):
        if match.a_rows and match.b_rows:
            assert a.model.layers[match.a_rows[0]].op == b.model.layers[match.b_rows[0]].op


def chain(*layers: tuple[str, str], shapes: Sequence[tuple[int, ...]] | None = None) -> ProfileMeta:
    """Layers (operator and name) one behind the other."""
    infos = []
    for i, (op, name) in enumerate(layers):
        source = layers[i - 1][1] if i else "input"
        shape = shapes[i] if shapes else (1, 8, 8, 16)
        infos.append(
            LayerInfo(f"0/{i}", i, op, name, shape, "float32", 100, 10, 40, 4096, (source,), (name,))
        )
    return graph(infos)


def graph(infos: Sequence[LayerInfo]) -> ProfileMeta:
    base = make_profile(processes=1, blocks=1, inferences=1).meta
    model = replace(base.model, layers=tuple(infos), fingerprint=None)
    return replace(base, model=model, alignment=rows_of([(info.id,) for info in infos]))


def test_a_name_is_not_a_part_of_another() -> None:
    """Of two layers alike but for their names the one is left that has the very name, not one that begins so."""
    both, one = chain(("CONV_2D", "conv_1"), ("CONV_2D", "conv_10")), chain(("CONV_2D", "conv_10"))
    assert by_kind(both, one) == {
        "removed": [(("conv_1",), ())],
        "same": [(("conv_10",), ("conv_10",))],
    }
    assert by_kind(both, chain(("CONV_2D", "conv_1")))["removed"] == [(("conv_10",), ())]


def test_of_equal_layers_the_later_one_is_the_one_more() -> None:
    a = chain(("MUL", "x_0"), ("CONV_2D", "x_1"), ("ADD", "x_2"))
    b = chain(("MUL", "y_0"), ("CONV_2D", "y_1"), ("CONV_2D", "y_2"), ("ADD", "y_3"))
    assert by_kind(a, b)["inserted"] == [((), ("y_2",))]
    assert by_kind(b, a)["removed"] == [(("y_2",), ())]


def test_names_that_shifted_by_an_insertion_do_not_mislead() -> None:
    """Converters number names: with a layer more every later name means another layer."""
    shapes = [(1, size, size, 8) for size in (64, 32, 16, 8, 4)]
    a = chain(*(("CONV_2D", f"conv_{i}") for i in range(5)), shapes=shapes)
    b = chain(*(("CONV_2D", f"conv_{i}") for i in range(6)), shapes=[shapes[0], *shapes])
    assert [(one.a_rows, one.b_rows) for one in match_rows(a, b)] == [
        ((0,), (0,)), ((), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), (4,)), ((4,), (5,)),
    ]  # fmt: skip


def branches(order: Sequence[int], prefix: str = "") -> ProfileMeta:
    """Three branches from one input, of other shapes, joined at the end; ``order``: in which they are in the file."""
    layers = []
    for branch in order:
        for step in range(2):
            name = f"{prefix}branch_{branch}_{step}"
            source = f"{prefix}branch_{branch}_{step - 1}" if step else "input"
            layers.append(("CONV_2D", name, (1, 8, 8, 8 * (branch + 1)), (source,)))
    ends = tuple(f"{prefix}branch_{branch}_1" for branch in range(3))
    layers.append(("CONCATENATION", f"{prefix}join", (1, 8, 8, 48), ends))
    return graph(
        [
            LayerInfo(
                f"0/{i}", i, op, name, shape, "float32", 100 * shape[3], shape[3], 1, 1, inputs, (name,)
            )
            for i, (op, name, shape, inputs) in enumerate(layers)
        ]
    )


@pytest.mark.parametrize("prefix", ["", "renamed/"])
def test_a_branch_that_went_elsewhere_in_the_order_is_moved(prefix: str) -> None:
    found = by_kind(branches([0, 1, 2]), branches([1, 2, 0], prefix))
    assert found.pop("moved") == [((f"branch_0_{i}",), (f"{prefix}branch_0_{i}",)) for i in (0, 1)]
    assert set(found) == {"renamed" if prefix else "same"}


def test_without_wiring_the_order_is_what_there_is(tmp_path: Path) -> None:
    """Profiles of before 0.1.0 do not tell the tensors of their layers."""
    a = meta_of(mobilenet(), tmp_path)
    b = edited(tmp_path, networks.followed_by_relu, "conv_9_pointwise", "other/")
    bare = tuple(replace(layer, inputs=(), outputs=(), activation=None) for layer in b.model.layers)
    old = replace(b, model=replace(b.model, layers=bare))
    assert Counter(one.match for one in match_rows(a, old)) == {"renamed": 31, "inserted": 1}


def test_groups_of_kernels_are_kept_whole(tmp_path: Path) -> None:
    """The same graph, of which the runtime's kernels can be told apart in other places."""
    a = meta_of(mobilenet(), tmp_path)
    ids = [layer.id for layer in a.model.layers]
    coarse = replace(a, alignment=rows_of([tuple(ids[:2]), *((one,) for one in ids[2:])]))
    shifted = replace(a, alignment=rows_of([(ids[0],), tuple(ids[1:3]), *((one,) for one in ids[3:])]))
    found = [(one.match, one.a_rows, one.b_rows) for one in match_rows(coarse, shifted)]
    assert found[0] == ("regrouped", (0, 1), (0, 1))
    assert found[1:] == [("same", (i,), (i,)) for i in range(2, 30)]
    assert match_rows(a, coarse)[0] == RowMatch("regrouped", (0, 1), (0,))


def test_another_part_of_one_model_is_not_matched_by_its_numbers(tmp_path: Path) -> None:
    """Two signatures of one model: equal fingerprints, but other layers ran."""
    a = meta_of(mobilenet(), tmp_path)
    half = replace(a, alignment=rows_of([(layer.id,) for layer in a.model.layers[:10]]))
    found = match_rows(a, half)
    assert [one.match for one in found] == ["same"] * 10 + ["removed"] * 21


OPS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RELU", "RESHAPE")


@st.composite
def graphs(draw: st.DrawFn) -> ProfileMeta:
    """A random graph, its rows being single layers or groups of neighbours."""
    count = draw(st.integers(0, 12))
    infos = []
    for i in range(count):
        makers = draw(st.lists(st.integers(-1, i - 1), min_size=1, max_size=2)) if i else [-1]
        size = draw(st.sampled_from([4, 8]))
        infos.append(
            LayerInfo(
                id=f"0/{i}",
                index=i,
                op=draw(st.sampled_from(OPS)),
                name=draw(st.sampled_from(["", "a", "b", "c", f"n{i}"])),
                shape=(1, size, size, 4),
                dtype="float32",
                macs=draw(st.sampled_from([None, 0, 100])),
                parameters=draw(st.sampled_from([None, 10])),
                inputs=tuple("input" if m < 0 else f"t{m}" for m in makers),
                outputs=(f"t{i}",),
            )
        )
    return _grouped(graph(infos), draw(st.lists(st.booleans(), min_size=count, max_size=count)))


def _grouped(meta: ProfileMeta, joined: Sequence[bool]) -> ProfileMeta:
    groups: list[tuple[str, ...]] = []
    for layer, join in zip(meta.model.layers, joined, strict=True):
        if join and groups:
            groups[-1] = (*groups[-1], layer.id)
        else:
            groups.append((layer.id,))
    return replace(meta, alignment=rows_of(groups))


@st.composite
def edits(draw: st.DrawFn) -> tuple[ProfileMeta, ProfileMeta]:
    """A random graph, and the same with layers left out, doubled, exchanged or changed."""
    a = draw(graphs())
    layers = list(a.model.layers)
    for _ in range(draw(st.integers(0, 4))):
        if not layers:
            break
        at = draw(st.integers(0, len(layers) - 1))
        edit = draw(st.sampled_from(["drop", "double", "exchange", "op", "shape", "name"]))
        if edit == "drop":
            del layers[at]
        elif edit == "double":
            layers.insert(at, replace(layers[at], outputs=(f"extra{len(layers)}",)))
        elif edit == "exchange":
            layers[at], layers[-1] = layers[-1], layers[at]
        else:
            changes: dict[str, object] = {"op": "MUL", "shape": (1, 2, 2, 4), "name": "other"}
            layers[at] = replace(layers[at], **{edit: changes[edit]})
    b = graph([replace(layer, id=f"0/{i}", index=i) for i, layer in enumerate(layers)])
    joined = draw(st.lists(st.booleans(), min_size=len(layers), max_size=len(layers)))
    return a, _grouped(b, joined)


def check_complete(a: ProfileMeta, b: ProfileMeta, found: Sequence[RowMatch]) -> None:
    """Every row of both sides exactly once, and kinds that fit the sides there are."""
    for side, meta in (("a_rows", a), ("b_rows", b)):
        rows = sorted(row for one in found for row in getattr(one, side))
        assert rows == list(range(len(meta.alignment.rows)))
    for one in found:
        assert (one.match == "inserted") == (not one.a_rows)
        assert (one.match == "removed") == (not one.b_rows)


@given(pair=edits())
def test_nothing_is_dropped_and_both_directions_agree(pair: tuple[ProfileMeta, ProfileMeta]) -> None:
    a, b = pair
    there, back = match_rows(a, b), match_rows(b, a)
    check_complete(a, b, there)
    mirror: dict[Match, Match] = {
        "split": "fused", "fused": "split", "inserted": "removed", "removed": "inserted",
    }  # fmt: skip
    assert {(one.match, one.a_rows, one.b_rows) for one in there} == {
        (mirror.get(one.match, one.match), one.b_rows, one.a_rows) for one in back
    }


@given(a=graphs(), b=graphs())
def test_nothing_is_dropped_between_strangers(a: ProfileMeta, b: ProfileMeta) -> None:
    check_complete(a, b, match_rows(a, b))


@given(a=graphs())
def test_a_graph_matches_itself_fully(a: ProfileMeta) -> None:
    found = match_rows(a, a)
    assert [(one.match, one.a_rows, one.b_rows) for one in found] == [
        ("same", (i,), (i,)) for i in range(len(a.alignment.rows))
    ]


@given(pair=edits())
def test_the_order_is_that_of_b_with_what_is_only_in_a_in_its_place(
    pair: tuple[ProfileMeta, ProfileMeta],
) -> None:
    a, b = pair
    found = match_rows(a, b)
    firsts = [one.b_rows[0] for one in found if one.b_rows]
    assert firsts == sorted(firsts)
    if all(one.match in ("same", "removed", "renamed") for one in found):
        assert [row for one in found for row in one.a_rows] == list(range(len(a.alignment.rows)))


def test_large_graphs_are_cut_and_match_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = meta_of(mobilenet(), tmp_path)
    b = edited(tmp_path, networks.followed_by_relu, "conv_5_pointwise", "other/")
    whole = match_rows(a, b)
    monkeypatch.setattr(layer_match, "_MOST_CELLS", 40)
    cut = match_rows(a, b)
    check_complete(a, b, cut)
    assert cut == whole
