"""Adding libraries from files, archives and URLs: what is stored, pinned, refused."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.unit.runtimes.elves import LITERT_AAR, TFLITE, aar, elf
from tests.unit.runtimes.web import Web
from tflprof.errors import RuntimeMissing, UsageError
from tflprof.runtimes import archive
from tflprof.runtimes.acquire import add_runtime, android_url, version_in
from tflprof.runtimes.library import find_runtime, runtime_platforms
from tflprof.runtimes.pins import pin_file, pinned
from tflprof.runtimes.store import store_directory, stored

# Inside the compressed bytes of the first library.
LIBRARY_AT = LITERT_AAR.index(b"libLiteRt.so") + 40
ANDROID = ("android-aarch64", "android-armv7", "android-x86_64")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def add_bytes(folder: Path, data: bytes, name: str = "litert-2.3.0.aar") -> None:
    add_runtime(str(write(folder / name, data)))


# Files and archives


def test_an_archive_gives_the_libraries_of_all_abis(home: Path) -> None:
    path = write(home / "litert-2.3.0.aar", LITERT_AAR)
    found = add_runtime(str(path))
    assert sorted(runtime.platform for runtime in found.runtimes) == list(ANDROID)
    assert found.sha256 == sha256(LITERT_AAR)
    for platform in ("android-aarch64", "android-x86_64"):
        runtime = find_runtime(platform)
        assert (runtime.name, runtime.version, runtime.platform) == ("LiteRT", "2.3.0", platform)
        assert runtime.path.name == "libLiteRt.so"
        assert runtime.sha256 == sha256(runtime.path.read_bytes())
    assert {entry.origin for entry in stored()} == {str(path)}


def test_the_last_one_added_is_used(home: Path) -> None:
    first, second = elf(salt=b"1"), elf(salt=b"2")
    for data in (first, second, first):
        add_bytes(home, data, "libLiteRt.so")
    assert find_runtime("android-aarch64").sha256 == sha256(first)
    assert len(stored()) == 2


def test_of_several_libraries_the_preferred_one_is_used(home: Path) -> None:
    names = {
        "jni/arm64-v8a/libtensorflowlite_jni.so": elf(symbol=TFLITE, salt=b"jni"),
        "jni/arm64-v8a/libLiteRt.so": elf(),
        "jni/arm64-v8a/libtensorflowlite_c.so": elf(symbol=TFLITE),
    }
    add_bytes(home, aar(names))
    assert find_runtime("android-aarch64").path.name == "libLiteRt.so"
    assert len(stored()) == 3


def test_a_library_that_only_java_can_use_is_passed_over(home: Path) -> None:
    names = {
        "jni/arm64-v8a/libtensorflowlite_jni.so": elf(symbol=b"Java_org_tensorflow_lite"),
        "jni/arm64-v8a/libLiteRt.so": elf(),
    }
    add_bytes(home, aar(names))
    assert [entry.file for entry in stored()] == ["libLiteRt.so"]


def test_a_library_for_linux_comes_before_the_installed_one(home: Path) -> None:
    add_bytes(home, elf("x86_64", ["libc.so.6"]), "libLiteRt.so")
    assert find_runtime("linux-x86_64").path.is_relative_to(store_directory())


def test_the_tensorflow_lite_library_keeps_its_name(home: Path) -> None:
    add_bytes(home, elf(symbol=TFLITE), "libtensorflowlite_c.so")
    runtime = find_runtime("android-aarch64")
    assert (runtime.name, runtime.path.name) == ("TensorFlow Lite", "libtensorflowlite_c.so")


def test_damage_in_the_store_is_told(home: Path) -> None:
    add_bytes(home, elf(), "libLiteRt.so")
    (entry,) = stored()
    entry.path.write_bytes(b"rust")
    with pytest.raises(RuntimeMissing, match="is damaged") as caught:
        find_runtime("android-aarch64")
    assert caught.value.hint
    assert "runtimes add" in caught.value.hint
    add_bytes(home, elf(), "libLiteRt.so")
    assert find_runtime("android-aarch64").sha256 == sha256(elf())


@pytest.mark.parametrize("text", ["{", '{"format": 2, "runtimes": []}', '{"format": 1, "runtimes": [{}]}'])
def test_a_broken_index_is_told(home: Path, text: str) -> None:
    add_bytes(home, elf(), "libLiteRt.so")
    (store_directory() / "index.json").write_text(text)
    with pytest.raises(RuntimeMissing, match="index of added runtimes"):
        find_runtime("android-aarch64")


@pytest.mark.parametrize("name", ["../libLiteRt.so", "/libLiteRt.so", "jni/../../libLiteRt.so", "..\\x"])
def test_an_archive_that_reaches_outside(home: Path, name: str) -> None:
    with pytest.raises(RuntimeMissing, match="outside of itself"):
        add_bytes(home, aar({name: elf(), "jni/arm64-v8a/libLiteRt.so": elf()}))
    assert stored() == []


def test_a_bomb(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    with pytest.raises(RuntimeMissing, match="unpacks to more than 1 MiB"):
        add_bytes(home, aar({"jni/arm64-v8a/libLiteRt.so": elf() + bytes(2 << 20)}))


def test_a_bomb_that_lies_about_its_size(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = elf() + bytes(2 << 20)
    packed = aar({"jni/arm64-v8a/libLiteRt.so": data})
    lying = packed.replace(len(data).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != packed
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    with pytest.raises(RuntimeMissing):
        add_bytes(home, lying)
    assert stored() == []


def test_many_libraries(home: Path) -> None:
    with pytest.raises(RuntimeMissing, match="33 inference libraries"):
        add_bytes(home, aar({f"{n}/libLiteRt.so": elf() for n in range(33)}))


@pytest.mark.parametrize(
    "data",
    [
        LITERT_AAR[: len(LITERT_AAR) // 2],
        LITERT_AAR[:-10],
        LITERT_AAR[:LIBRARY_AT] + bytes(40) + LITERT_AAR[LIBRARY_AT + 40 :],
    ],
)
def test_a_damaged_archive(home: Path, data: bytes) -> None:
    with pytest.raises(RuntimeMissing, match="damaged"):
        add_bytes(home, data)
    assert stored() == []


def test_a_locked_archive(home: Path) -> None:
    data = bytearray(aar({"jni/arm64-v8a/libLiteRt.so": elf()}))
    data[6] |= 1  # encrypted, says the file's own header …
    data[data.index(b"PK\1\2") + 8] |= 1  # … and the directory
    with pytest.raises(RuntimeMissing, match="encrypted"):
        add_bytes(home, bytes(data))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (aar({"classes.dex": b"dex"}), "no inference library among its 1 members"),
        (aar({"jni/arm64-v8a/libLiteRt.so": elf(symbol=b"other")}), "exports neither"),
        (aar({"jni/arm64-v8a/libLiteRt.so": b"text"}), "not a little-endian ELF"),
        (b"text" * 100, "not a little-endian ELF"),
        (b"", "is empty"),
    ],
)
def test_no_suitable_library(home: Path, data: bytes, told: str) -> None:
    with pytest.raises(RuntimeMissing, match=told):
        add_bytes(home, data)
    assert stored() == []


def test_a_missing_file(home: Path) -> None:
    with pytest.raises(RuntimeMissing, match="No such file"):
        add_runtime(str(home / "none.aar"))


def test_a_file_with_another_sha256(home: Path) -> None:
    path = write(home / "libLiteRt.so", elf())
    with pytest.raises(RuntimeMissing, match="--sha256 says 0000"):
        add_runtime(str(path), sha256="0" * 64)
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        add_runtime(str(path), sha256="zz")
    assert stored() == []


@pytest.mark.parametrize("url", ["ftp://h/x.aar", "s3://b/x", "file://elsewhere/x"])
def test_another_kind_of_url(home: Path, url: str) -> None:
    with pytest.raises(UsageError, match="only http, https and file"):
        add_runtime(url)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "names neither a file nor a URL"),
        ("  ", "names neither a file nor a URL"),
        ("http://[::1", "is not a URL"),
        ("file://[::1", "is not a URL"),
        ("http:///litert.aar", "is not an http or https URL of a host"),
        ("http://a b/litert.aar", "is not an http or https URL of a host"),
        ("http://me:secret@h/litert.aar", "without a user"),
        ("http://h:port/litert.aar", "is not a URL"),
        ("http://h:99999/litert.aar", "is not a URL"),
        ("http://" + "ä" * 70 + "/litert.aar", "is not a URL"),
        ("http://h/\udcff", "is not a URL"),
        ("file:///a%00b", "is not a file's name"),
    ],
)
def test_what_names_nothing(home: Path, source: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        add_runtime(source)
    assert told in f"{caught.value.what} {caught.value.hint}"
    assert repr(source) in caught.value.what


def test_file_names_with_other_letters(home: Path) -> None:
    for name in ("[ä].so", "\udcff.so"):
        path = write(home / name, elf())
        assert add_runtime(str(path)).runtimes[0].origin == str(path)
        assert stored()[-1].origin == str(path)


def test_a_file_url(home: Path) -> None:
    path = write(home / "a b.so", elf())
    assert add_runtime(path.as_uri()).runtimes[0].origin == path.as_uri()


# URLs


def test_first_use_pins_and_later_uses_verify(home: Path, web: Web) -> None:
    web.files["/litert-2.3.0.aar"] = LITERT_AAR
    url = web.url + "/litert-2.3.0.aar"
    first = add_runtime(url)
    assert (first.pinned_now, first.downloaded) == (True, True)
    assert {runtime.version for runtime in first.runtimes} == {"2.3.0"}
    assert json.loads(pin_file().read_text()) == {url: sha256(LITERT_AAR)}
    second = add_runtime(url)
    assert (second.pinned_now, second.downloaded) == (False, False)
    assert second.runtimes == first.runtimes
    assert len(web.asked) == 1


def test_a_url_with_other_letters_is_quoted(home: Path, web: Web) -> None:
    web.files["/%C3%A4%20b%2F.aar?v=%C3%BC&w=1"] = LITERT_AAR
    url = web.url + "/ä b%2F.aar?v=ü&w=1#part"
    assert len(add_runtime(url).runtimes) == 3
    assert pinned(url) == sha256(LITERT_AAR)
    assert not add_runtime(url).downloaded


def test_another_file_than_the_first_time_is_refused(home: Path, web: Web) -> None:
    url = web.url + "/litert.aar"
    web.files["/litert.aar"] = LITERT_AAR
    add_runtime(url)
    web.files["/litert.aar"] = evil = aar({"jni/arm64-v8a/libLiteRt.so": elf(salt=b"evil")})
    (store_directory() / "index.json").unlink()  # a new machine with the old pins
    with pytest.raises(RuntimeMissing) as caught:
        add_runtime(url)
    assert sha256(evil) in caught.value.what
    assert sha256(LITERT_AAR) in caught.value.what
    assert caught.value.hint
    assert f"--sha256 {sha256(evil)}" in caught.value.hint
    assert stored() == []
    assert pinned(url) == sha256(LITERT_AAR)


@pytest.mark.parametrize("how", ["sha256", "repin"])
def test_accepting_another_file_deliberately(home: Path, web: Web, how: str) -> None:
    url = web.url + "/litert.aar"
    web.files["/litert.aar"] = LITERT_AAR
    add_runtime(url)
    web.files["/litert.aar"] = new = aar({"jni/arm64-v8a/libLiteRt.so": elf(salt=b"new")})
    if how == "sha256":
        add_runtime(url, sha256=sha256(new).upper())
    else:
        add_runtime(url, repin=True)
    assert find_runtime("android-aarch64").sha256 == sha256(elf(salt=b"new"))
    assert pinned(url) == sha256(new)
    assert not add_runtime(url).downloaded


def test_a_first_use_with_a_sha256_that_is_not_the_files(home: Path, web: Web) -> None:
    web.files["/litert.aar"] = LITERT_AAR
    with pytest.raises(RuntimeMissing, match="--sha256 says"):
        add_runtime(web.url + "/litert.aar", sha256="1" * 64)
    assert stored() == []
    assert pinned(web.url + "/litert.aar") is None


def test_a_corrupted_continuation_is_noticed(home: Path, web: Web) -> None:
    url = web.url + "/litert.aar"
    web.files["/litert.aar"] = LITERT_AAR
    add_runtime(url)
    (store_directory() / "index.json").unlink()
    web.cut = [1000, 0]
    with pytest.raises(RuntimeMissing, match="ended after 1000"):
        add_runtime(url)
    web.files["/litert.aar"] = LITERT_AAR[:-1] + b"!"  # with the same ETag
    with pytest.raises(RuntimeMissing, match="the first time it had"):
        add_runtime(url)
    web.files["/litert.aar"] = LITERT_AAR  # nothing of the bad one was kept
    assert len(add_runtime(url).runtimes) == 3


def test_a_page_in_the_place_of_the_archive(home: Path, web: Web) -> None:
    web.files["/litert.aar"] = b"<html>log in first</html>"
    with pytest.raises(RuntimeMissing, match="not a little-endian ELF"):
        add_runtime(web.url + "/litert.aar")
    assert pinned(web.url + "/litert.aar") is None


def test_broken_pins_are_told(home: Path, web: Web) -> None:
    web.files["/litert.aar"] = LITERT_AAR
    pin_file().parent.mkdir(parents=True)
    pin_file().write_text("[1]")
    with pytest.raises(RuntimeMissing, match="pins of runtimes"):
        add_runtime(web.url + "/litert.aar")


def test_a_store_that_cannot_be_written(home: Path) -> None:
    (home / "cache").write_bytes(b"a file")
    with pytest.raises(RuntimeMissing, match="cannot"):
        add_bytes(home, elf(), "libLiteRt.so")


# An archive as --runtime


def test_an_archive_as_override(home: Path) -> None:
    path = write(home / "litert-2.1.0.aar", LITERT_AAR)
    runtime = find_runtime("android-x86_64", path)
    assert (runtime.version, runtime.path.name) == ("2.1.0", "libLiteRt.so")
    assert stored() == []
    assert runtime_platforms(path) == sorted(ANDROID)


def test_an_archive_without_the_platform(home: Path) -> None:
    path = write(home / "litert.aar", LITERT_AAR)
    told = "has libraries for android-aarch64, android-armv7, android-x86_64, the target needs linux-aarch64"
    with pytest.raises(RuntimeMissing, match=told):
        find_runtime("linux-aarch64", path)


def test_what_to_do_without_a_library_for_android(home: Path) -> None:
    with pytest.raises(RuntimeMissing) as caught:
        find_runtime("android-aarch64")
    assert caught.value.hint
    assert "tflprof runtimes fetch android" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("litert-2.3.0.aar", "2.3.0"),
        ("tensorflow-lite-2.17.0.aar", "2.17.0"),
        ("litert-2.1.0rc1.aar", "2.1.0rc1"),
        ("ai_edge_litert-2.3.0-cp311-cp311-manylinux_2_27_aarch64.whl", "2.3.0"),
        ("libLiteRt.so", None),
        ("litert.aar", None),
    ],
)
def test_the_version_in_a_name(name: str, version: str | None) -> None:
    assert version_in(name) == version


def test_the_catalogues_url() -> None:
    assert android_url().endswith("/litert/2.3.0/litert-2.3.0.aar")
    assert android_url().startswith("https://")


def test_the_archives_of_these_tests_are_whole() -> None:
    assert zipfile.ZipFile(io.BytesIO(LITERT_AAR)).testzip() is None
