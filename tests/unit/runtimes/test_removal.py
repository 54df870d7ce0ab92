"""Taking an added library out again, and who is given which of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runtimes.elves import LITERT_AAR, TFLITE, aar, elf
from tests.unit.runtimes.test_acquire import add_bytes, sha256, write
from tests.unit.runtimes.web import Web
from tflprof.errors import RuntimeMissing, UsageError
from tflprof.runtimes.acquire import add_runtime
from tflprof.runtimes.library import find_runtime
from tflprof.runtimes.store import remove, store_directory, stored

HOST = ("x86_64", ["libc.so.6"])


@pytest.mark.parametrize("length", [6, 12, 64])
def test_the_one_before_is_used_again(home: Path, length: int) -> None:
    first, second = elf(salt=b"1"), elf(salt=b"2")
    for data in (first, second):
        add_bytes(home, data, "libLiteRt.so")
    (gone,) = remove(sha256(second)[:length].upper())
    assert gone.sha256 == sha256(second)
    assert find_runtime("android-aarch64").sha256 == sha256(first)
    assert not gone.path.exists()
    assert sorted(path.name for path in store_directory().iterdir()) == sorted(
        [sha256(first), "index.json", "lock"]
    )


@pytest.mark.parametrize("name", ["LiteRT", "litert", "libLiteRt.so"])
def test_by_its_name(home: Path, name: str) -> None:
    add_bytes(home, elf(), "libLiteRt.so")
    add_bytes(home, elf(symbol=TFLITE), "libtensorflowlite_c.so")
    remove(name)
    assert [entry.api for entry in stored()] == ["tflite"]


def test_an_ambiguous_name_is_refused_with_the_candidates(home: Path) -> None:
    add_bytes(home, LITERT_AAR)
    with pytest.raises(UsageError, match="'LiteRT' may mean 3 libraries") as caught:
        remove("LiteRT")
    for entry in stored():
        assert f"{entry.sha256[:12]} (LiteRT 2.3.0, {entry.platform})" in caught.value.what
    assert len(stored()) == 3


def test_an_ambiguous_beginning_is_refused(home: Path) -> None:
    salts = [bytes([number]) for number in range(17)]  # two must begin alike
    for salt in salts:
        add_bytes(home, elf(salt=salt), "libLiteRt.so")
    firsts = [sha256(elf(salt=salt))[0] for salt in salts]
    with pytest.raises(UsageError, match="may mean"):
        remove(max(firsts, key=firsts.count))
    assert len(stored()) == 17


def test_one_library_under_two_names_is_no_ambiguity(home: Path) -> None:
    for name in ("libLiteRt.so", "libtensorflowlite_c.so"):
        add_bytes(home, elf(), name)
    assert len(remove(sha256(elf())[:8])) == 2
    assert stored() == []
    assert not (store_directory() / sha256(elf())).exists()


@pytest.mark.parametrize("which", ["", "ffffffffffff", "libc.so"])
def test_what_is_not_there(home: Path, which: str) -> None:
    with pytest.raises(UsageError, match="none was added"):
        remove(which)
    add_bytes(home, elf(), "libLiteRt.so")
    with pytest.raises(UsageError, match="neither the beginning") as caught:
        remove(which)
    assert repr(which) in caught.value.what
    assert len(stored()) == 1


def test_what_is_damaged_or_gone_can_be_removed(home: Path) -> None:
    add_bytes(home, elf(), "libLiteRt.so")
    (entry,) = stored()
    entry.path.unlink()
    with pytest.raises(RuntimeMissing) as caught:
        find_runtime("android-aarch64")
    assert f"tflprof runtimes remove {entry.sha256[:12]}" in (caught.value.hint or "")
    remove(entry.sha256[:12])
    assert stored() == []


def test_what_was_removed_comes_again_with_its_archive(home: Path, web: Web) -> None:
    web.files["/litert.aar"] = LITERT_AAR
    url = web.url + "/litert.aar"
    add_runtime(url)
    remove(stored()[0].sha256)
    assert len(add_runtime(url).runtimes) == len(stored()) == 3
    assert not add_runtime(url).downloaded


# Who is given which


def test_a_target_for_one_interface_gets_no_other(home: Path) -> None:
    add_bytes(home, elf(*HOST), "libLiteRt.so")
    add_bytes(home, elf(*HOST, symbol=TFLITE), "libtensorflowlite_c.so")
    assert find_runtime("linux-x86_64").name == "TensorFlow Lite"
    assert find_runtime("linux-x86_64", api="litert").name == "LiteRT"
    remove("LiteRT")
    assert not find_runtime("linux-x86_64", api="litert").path.is_relative_to(store_directory())


def test_a_named_library_of_another_interface_is_refused(home: Path) -> None:
    path = write(home / "libtensorflowlite_c.so", elf(*HOST, symbol=TFLITE))
    with pytest.raises(
        RuntimeMissing, match="has the interface of TensorFlow Lite, this target needs LiteRT's"
    ):
        find_runtime("linux-x86_64", path, api="litert")
    assert find_runtime("linux-x86_64", path).name == "TensorFlow Lite"


def test_of_an_archive_the_interface_that_is_needed(home: Path) -> None:
    both = {
        "a/libtensorflowlite_jni.so": elf(*HOST),
        "a/libLiteRt.so": elf(*HOST, symbol=TFLITE),
    }
    path = write(home / "both.whl", aar(both))
    assert find_runtime("linux-x86_64", path, api="litert").name == "LiteRT"


# 32 bits: the runner knows only TensorFlow Lite's interface there


def test_on_32_bits_tensorflow_lite_comes_first(home: Path) -> None:
    add_bytes(home, elf("arm", symbol=TFLITE), "libtensorflowlite_c.so")
    add_bytes(home, LITERT_AAR)
    assert find_runtime("android-armv7").name == "TensorFlow Lite"
    assert find_runtime("android-aarch64").name == "LiteRT"


def test_on_32_bits_tensorflow_lite_comes_first_in_an_archive(home: Path) -> None:
    both = {"a/libLiteRt.so": elf("arm"), "a/libtensorflowlite_jni.so": elf("arm", symbol=TFLITE)}
    path = write(home / "both.aar", aar(both))
    assert find_runtime("android-armv7", path).name == "TensorFlow Lite"
    add_runtime(str(path))
    assert stored()[-1].api == "tflite"


def test_litert_for_32_bits_is_noted_and_refused(home: Path) -> None:
    add_bytes(home, LITERT_AAR)
    notes = {entry.platform: entry.note for entry in stored()}
    assert "libtensorflowlite_c.so" in (notes["android-armv7"] or "")
    assert notes["android-aarch64"] is None
    for given in (None, home / "litert-2.3.0.aar"):
        with pytest.raises(RuntimeMissing, match="for android-armv7 cannot be used") as caught:
            find_runtime("android-armv7", given)
        assert "runtimes add libtensorflowlite_c.so" in (caught.value.hint or "")


def test_where_it_came_from_is_no_part_of_its_identity(home: Path) -> None:
    add_bytes(home, elf(), "mine.so")
    runtime = find_runtime("android-aarch64")
    assert runtime.advice == (
        f"the library was added from {home / 'mine.so'}; "
        f"to take it out: tflprof runtimes remove {sha256(elf())[:12]}"
    )
    assert set(runtime.identity()) == {"name", "version", "platform", "sha256", "unfit"}
