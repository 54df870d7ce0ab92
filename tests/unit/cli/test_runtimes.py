"""``tflprof runtimes``, with a server on this machine in the place of Google's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.runtimes.elves import LITERT_AAR, elf
from tests.unit.runtimes.web import Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.files["/litert-2.3.0.aar"] = LITERT_AAR
        yield web


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TFLPROF_ANDROID_RUNTIME_URL", raising=False)


def test_fetching_says_what_was_fetched_and_pinned(run: Run, web: Web) -> None:
    url = f"{web.url}/litert-2.3.0.aar"
    done = run("runtimes", "fetch", "android", "--url", url)
    assert done.exit_code == 0
    assert f"fetching {url}" in done.stderr
    assert "pinned on first use" in done.stderr
    assert f"  {url}" in done.stdout
    assert done.stdout.startswith("SHA-256 ")
    assert "android-aarch64" in done.stdout
    again = run("runtimes", "fetch", "android", "--url", url)
    assert "(nothing downloaded)" in again.stdout
    assert len(web.asked) == 1


@pytest.mark.parametrize("where", ["environment", "configuration"])
def test_where_it_is_fetched_from(run: Run, web: Web, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    url = f"{web.url}/litert-2.3.0.aar"
    if where == "environment":
        monkeypatch.setenv("TFLPROF_ANDROID_RUNTIME_URL", url)
    else:
        Path("tflprof.toml").write_text(f'[runtimes]\nandroid-url = "{url}"\n')
    assert run("runtimes", "fetch", "android").exit_code == 0
    assert len(web.asked) == 1


def test_a_changed_file_is_refused_with_3(run: Run, web: Web) -> None:
    url = f"{web.url}/litert-2.3.0.aar"
    run("runtimes", "fetch", "android", "--url", url)
    web.files["/litert-2.3.0.aar"] = LITERT_AAR + b"!"
    for path in Path("cache").rglob("*.so"):
        path.unlink()
    done = run("runtimes", "fetch", "android", "--url", url)
    assert done.exit_code == 3
    assert "the first time it had" in done.stderr
    assert "--sha256" in done.stderr


def test_listing(run: Run) -> None:
    empty = run("runtimes", "list")
    assert "catalogue: fetched with pip" in empty.stdout
    assert "tflprof runtimes fetch android" in empty.stderr
    Path("libLiteRt.so").write_bytes(elf())
    assert run("runtimes", "add", "libLiteRt.so").exit_code == 0
    document = json.loads(run("runtimes", "list", "--json").stdout)
    (added,) = document["added"]
    assert (added["platform"], added["intact"], added["version"]) == ("android-aarch64", True, None)
    assert "fetch android" not in run("runtimes", "list").stderr
    Path(added["path"]).write_bytes(b"")
    assert "DAMAGED" in run("runtimes", "list").stdout


def test_adding_as_json(run: Run) -> None:
    Path("litert-2.3.0.aar").write_bytes(LITERT_AAR)
    document = json.loads(run("runtimes", "add", "litert-2.3.0.aar", "--json").stdout)
    assert len(document["added"]) == 3
    assert not document["downloaded"]


def test_a_note_of_pages(run: Run) -> None:
    Path("libLiteRt.so").write_bytes(elf(alignment=4096))
    assert "16 KiB pages" in run("runtimes", "add", "libLiteRt.so").stderr


def test_nothing_else_can_be_fetched(run: Run) -> None:
    done = run("runtimes", "fetch", "ios")
    assert done.exit_code == 2
    assert "nothing to fetch called 'ios'" in done.stderr


def test_removing(run: Run) -> None:
    Path("litert-2.3.0.aar").write_bytes(LITERT_AAR)
    run("runtimes", "add", "litert-2.3.0.aar")
    several = run("runtimes", "remove", "LiteRT")
    assert several.exit_code == 2
    assert "may mean 3 libraries" in several.stderr
    (sha256, *others) = [
        one["sha256"] for one in json.loads(run("runtimes", "list", "--json").stdout)["added"]
    ]
    done = run("runtimes", "remove", sha256[:10])
    assert done.exit_code == 0
    assert done.stdout.startswith("removed LiteRT 2.3.0 for android-")
    left = json.loads(run("runtimes", "list", "--json").stdout)["added"]
    assert [one["sha256"] for one in left] == others
    (gone,) = json.loads(run("runtimes", "remove", others[0], "--json").stdout)["removed"]
    assert gone["sha256"] == others[0]


def test_nobody_vouches_for_plain_http(run: Run, web: Web) -> None:
    url = f"{web.url}/litert-2.3.0.aar"
    assert "nobody vouches" in run("runtimes", "add", url).stderr
    again = run("runtimes", "add", url, "--repin")
    assert (again.exit_code, "nobody vouches" in again.stderr) == (0, False)


@pytest.mark.parametrize(
    "words",
    [
        ("add", ""),
        ("add", "http://[::1"),
        ("fetch", "android", "--url", ""),
        ("fetch", "android", "--url", "http://[::1"),
    ],
)
def test_an_empty_or_broken_source_is_a_wrong_argument(run: Run, words: tuple[str, ...]) -> None:
    done = run("runtimes", *words)
    assert done.exit_code == 2
    assert repr(words[-1]) in done.stderr
