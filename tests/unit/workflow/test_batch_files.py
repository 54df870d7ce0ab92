"""Which models folders, files and patterns stand for, and where their profiles go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflprof.errors import UsageError
from tflprof.workflow.batch_files import find_items


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def found(*arguments: str | Path) -> dict[str, str]:
    """Models with the places of their profiles, in order."""
    return {str(item.model): str(item.profile) for item in find_items(arguments)}


def test_a_folder_is_all_models_beneath_it_in_order() -> None:
    touch("m/b.tflite", "m/a.tflite", "m/deep/er/c.TFLITE", "m/notes.txt", "m/d.tflite.bak")
    assert found("m") == {
        "m/a.tflite": "a.parquet",
        "m/b.tflite": "b.parquet",
        "m/deep/er/c.TFLITE": "deep/er/c.parquet",
    }


def test_what_is_hidden_is_left_out() -> None:
    touch("m/a.tflite", "m/.venv/lib/test.tflite", "m/._a.tflite")
    assert list(found("m")) == ["m/a.tflite"]


def test_the_order_of_arguments_is_kept_and_a_model_counts_once() -> None:
    touch("m/a.tflite", "m/b.tflite")
    assert list(found("m/b.tflite", "m", "./m/b.tflite")) == ["m/b.tflite", "m/a.tflite"]


def test_quoted_patterns_are_what_the_shell_would_make_of_them() -> None:
    touch("m/x/net.tflite", "m/y/net.tflite", "m/y/deep/net.tflite", "m/top.tflite")
    assert found("m/*/net.tflite") == found("m/x/net.tflite", "m/y/net.tflite")
    assert list(found("m/**/*.tflite")) == [
        "m/top.tflite",
        "m/x/net.tflite",
        "m/y/deep/net.tflite",
        "m/y/net.tflite",
    ]
    assert found("m/?") == found("m/x", "m/y")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file() -> None:
    touch("m[1].tflite", "m1.tflite")
    assert found("m[1].tflite") == {"m[1].tflite": "m[1].parquet"}


def test_places_mirror_the_paths_below_what_all_share() -> None:
    touch("w/x/net.tflite", "w/y/net.tflite", "v/net.tflite")
    assert found("w/x/net.tflite", "w/y/net.tflite") == {
        "w/x/net.tflite": "x/net.parquet",
        "w/y/net.tflite": "y/net.parquet",
    }
    assert set(found("w", "v").values()) == {"w/x/net.parquet", "w/y/net.parquet", "v/net.parquet"}
    assert found(Path("w").absolute(), "v/net.tflite")["v/net.tflite"] == "v/net.parquet"


def test_models_that_would_share_a_place_keep_their_suffix() -> None:
    touch("m/net.tflite", "m/net", "m/other.tflite")
    assert sorted(found("m/net.tflite", "m/net", "m/other.tflite").values()) == [
        "net.parquet",
        "net.tflite.parquet",
        "other.tflite.parquet",
    ]


def test_links_in_a_circle_end() -> None:
    touch("m/a.tflite", "m/x/b.tflite")
    Path("m/x/up").symlink_to("..")
    Path("m/again").symlink_to("x")
    names = [Path(name).name for name in found("m")]
    assert sorted(names) == ["a.tflite", "b.tflite"]


def test_linked_models_are_models_and_dead_links_are_not() -> None:
    touch("store/1.tflite")
    Path("m").mkdir()
    Path("m/latest.tflite").symlink_to("../store/1.tflite")
    Path("m/gone.tflite").symlink_to("nowhere")
    os.mkfifo("m/pipe.tflite")
    assert found("m") == {"m/latest.tflite": "latest.parquet"}


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("none.tflite", "none.tflite does not exist"),
        ("no/such/folder", "does not exist"),
        ("none*.tflite", "nothing matches"),
        ("empty", "no .tflite file in empty"),
        ("emp*", "no .tflite file in what emp"),
    ],
)
def test_what_names_no_model_is_said(argument: str, said: str) -> None:
    touch("m/a.tflite")
    Path("empty").mkdir()
    with pytest.raises(UsageError) as caught:
        find_items(["m", argument] if argument != "emp*" else [argument])
    assert said in caught.value.what


NAMES = st.text("abC.", min_size=1, max_size=3).filter(lambda name: name.strip("."))


@given(
    st.sets(st.tuples(NAMES, st.sampled_from(["", ".tflite", ".TFLITE", ".lite"])), min_size=1, max_size=6)
)
def test_no_two_models_ever_share_a_place(names: set[tuple[str, str]]) -> None:
    root = Path("any")
    for old in root.glob("*"):
        old.unlink()
    touch(*(str(root / f"{stem}{suffix}") for stem, suffix in names))
    items = find_items(sorted(root.glob("*")) or [root])
    assert len({item.profile for item in items}) == len(items) == len({f"{a}{b}" for a, b in names})
