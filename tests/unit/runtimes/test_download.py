"""Downloads from a server that breaks off, falls silent, changes its mind or has moved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.runtimes.web import Web
from tflprof.errors import RuntimeMissing
from tflprof.runtimes import download as module
from tflprof.runtimes.download import download

DATA = os.urandom(300_000)


@pytest.fixture
def place(web: Web, tmp_path: Path) -> Path:
    web.files["/a.aar"] = DATA
    return tmp_path / "a"


def left(place: Path) -> list[str]:
    return sorted(path.name for path in place.parent.iterdir())


def test_a_download_with_progress(web: Web, place: Path) -> None:
    told: list[tuple[int, int | None]] = []
    download(web.url + "/a.aar", place, lambda done, total: told.append((done, total)))
    assert place.read_bytes() == DATA
    assert told[0] == (0, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert left(place) == ["a"]


def test_what_broke_off_is_continued_at_once(web: Web, place: Path) -> None:
    web.cut = [100_000, 50_000]
    download(web.url + "/a.aar", place)
    assert place.read_bytes() == DATA
    assert web.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_what_broke_off_for_good_is_continued_by_the_next_command(web: Web, place: Path) -> None:
    web.cut = [100_000, 0]
    with pytest.raises(RuntimeMissing, match="ended after 100000 of 300000 bytes") as caught:
        download(web.url + "/a.aar", place)
    assert caught.value.hint == "100000 bytes are kept: the same command continues"
    assert not place.exists()
    download(web.url + "/a.aar", place)
    assert place.read_bytes() == DATA
    assert web.asked[-1] == "bytes=100000-"


@pytest.mark.parametrize("change", ["etag", "no etag", "no ranges"])
def test_what_cannot_be_continued_begins_anew(web: Web, place: Path, change: str) -> None:
    web.cut = [100_000, 0]
    if change == "no etag":
        web.etag = None
    with pytest.raises(RuntimeMissing):
        download(web.url + "/a.aar", place)
    web.files["/a.aar"] = new = DATA[::-1]
    web.etag = {"etag": '"two"', "no etag": None, "no ranges": '"one"'}[change]
    web.ranges = change != "no ranges"
    web.cut = []
    download(web.url + "/a.aar", place)
    assert place.read_bytes() == new


def test_a_shorter_file_than_what_we_have(web: Web, place: Path) -> None:
    web.cut = [100_000, 0]
    with pytest.raises(RuntimeMissing):
        download(web.url + "/a.aar", place)
    web.files["/a.aar"] = DATA[:90_000]
    download(web.url + "/a.aar", place)
    assert place.read_bytes() == DATA[:90_000]


def test_a_weak_etag_is_no_reason_to_continue(web: Web, place: Path) -> None:
    web.etag = 'W/"one"'
    web.cut = [100_000]
    download(web.url + "/a.aar", place)
    assert place.read_bytes() == DATA
    assert web.asked == [None, None]


def test_a_server_that_falls_silent(web: Web, place: Path) -> None:
    web.cut, web.silent = [100_000, 0], True
    with pytest.raises(RuntimeMissing, match="the server fell silent") as caught:
        download(web.url + "/a.aar", place, stall_seconds=0.2)
    assert caught.value.hint
    assert "100000 bytes are kept" in caught.value.hint


@pytest.mark.parametrize(("status", "hint"), [(404, "check the URL"), (500, "try again later")])
def test_an_error_of_the_server(web: Web, place: Path, status: int, hint: str) -> None:
    web.status = status
    with pytest.raises(RuntimeMissing, match=f"HTTP {status}") as caught:
        download(web.url + "/a.aar", place)
    assert caught.value.hint
    assert hint in caught.value.hint
    assert len(web.asked) == 1


def test_nobody_there(place: Path) -> None:
    with pytest.raises(RuntimeMissing, match="Connection refused"):
        download("http://127.0.0.1:9/a.aar", place)


def test_a_redirect_is_followed(web: Web, place: Path) -> None:
    web.redirects["/latest"] = web.url + "/a.aar"
    assert download(web.url + "/latest", place).read_bytes() == DATA


@pytest.mark.parametrize(
    ("origin", "goal"), [("https", "http://h/x"), ("http", "file:///etc/passwd"), ("http", "ftp://h/x")]
)
def test_a_redirect_to_less_is_refused(origin: str, goal: str) -> None:
    request = module.urllib.request.Request(f"{origin}://h/a")
    with pytest.raises(RuntimeMissing, match="redirects to"):
        module._Redirects().redirect_request(request, None, 302, "Found", {}, goal)


def test_a_redirect_to_a_local_file_is_refused(web: Web, place: Path) -> None:
    web.redirects["/latest"] = "file:///etc/hostname"
    with pytest.raises(RuntimeMissing):
        download(web.url + "/latest", place)
    assert not place.exists()


def test_ctrl_c_loses_nothing(web: Web, place: Path) -> None:
    def cut(done: int, _: int | None) -> None:
        if done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(web.url + "/a.aar", place, cut)
    assert left(place) == ["a.part", "a.part.json"]
    kept = place.with_name("a.part").stat().st_size
    assert kept >= 100_000
    download(web.url + "/a.aar", place)
    assert place.read_bytes() == DATA
    assert web.asked[-1] == f"bytes={kept}-"


def test_a_file_without_end(web: Web, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 200_000)
    with pytest.raises(RuntimeMissing, match="sends more than"):
        download(web.url + "/a.aar", place)
    assert not place.exists()


@pytest.mark.parametrize("where", ["http://[::1", "http://h:port/x"])
def test_a_redirect_to_what_is_no_url(web: Web, place: Path, where: str) -> None:
    web.redirects["/r"] = where
    with pytest.raises(RuntimeMissing, match="cannot fetch"):
        download(web.url + "/r", place)


def test_a_file_is_closed_before_it_is_renamed(
    web: Web, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    really = Path.replace

    def replace(path: Path, target: Path) -> None:
        opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        assert str(path.resolve()) not in opened
        renamed.append(path.name)
        really(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    download(web.url + "/a.aar", place)
    assert renamed == ["a.part"]
