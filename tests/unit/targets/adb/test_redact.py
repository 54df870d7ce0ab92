"""What must not leave a phone in a dump, does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tflprof.targets.adb.facts import inspect, state_of
from tflprof.targets.adb.probe import Dump, parse_dump
from tflprof.targets.adb.redact import HIDDEN, redacted

PHONES = Path(__file__).resolve().parents[3] / "data" / "phones"
SERIAL = "HT7A91A01234"

letters = st.sampled_from("abcdefghijklmnopqrstuvwxyz")
digits = st.sampled_from("0123456789")


def words(alphabet: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    return st.lists(alphabet, min_size=least, max_size=most).map("".join)


serials = words(st.sampled_from("ABCDEFGHJKLMNPRSTUVWXYZ0123456789"), 8, 16)
numbers = words(digits, 14, 17)
macs = st.lists(st.integers(0, 255), min_size=6, max_size=6).map(lambda x: ":".join(f"{b:02x}" for b in x))
accounts = st.builds(lambda a, b: f"{a}@{b}.com", words(letters, 5, 12), words(letters, 5, 12))
names = st.builds(lambda a, b: f"{a} {b}", words(letters, 5, 10), words(letters, 5, 10))
hosts = st.builds(lambda a, b: f"{a}-{b}", words(letters, 5, 10), words(letters, 5, 10))

PROPERTIES = {
    "ro.serialno": serials,
    "ro.boot.serialno": serials,
    "ril.imei1": numbers,
    "gsm.sim.iccid": numbers,
    "ro.boot.wifimacaddr": macs,
    "persist.service.bdroid.bdaddr": macs,
    "ro.build.user": hosts,
    "ro.build.host": hosts,
    "net.hostname": hosts,
    "wifi.last.ssid": names,
    "persist.sys.account": accounts,
    "some.unknown.property": names,
}


def dump(name: str) -> Dump:
    return parse_dump((PHONES / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", sorted(path.stem for path in PHONES.glob("*.json")))
def test_what_a_phone_is_stays(name: str) -> None:
    whole = dump(name)
    clean = redacted(whole, [SERIAL])
    assert inspect(clean) == inspect(whole)
    assert state_of(clean) == state_of(whole)
    assert redacted(clean) == clean


@given(planted=st.fixed_dictionaries(PROPERTIES), serial=serials)
def test_planted_secrets_never_appear(planted: dict[str, str], serial: str) -> None:
    """Each stands in a property of its own, and again where somebody else might have put it."""
    whole = dump("pixel4")
    known = json.dumps(whole.to_json())
    secrets = [value for name, value in planted.items() if name != "some.unknown.property"] + [serial]
    assume(not any(secret in known for secret in [*secrets, planted["some.unknown.property"]]))
    properties = "".join(f"[{name}]: [{value}]\n" for name, value in planted.items())
    elsewhere = "".join(f"  note {number}: <{secret}>\n" for number, secret in enumerate(secrets))
    commands = dict(whole.commands)
    commands["getprop"] += properties
    commands["battery"] += elsewhere
    commands["thermalservice"] += " ".join(secrets)
    files = {
        **whole.files,
        "proc/cpuinfo": whole.files["proc/cpuinfo"] + f"Serial\t\t: {serial}\n" + elsewhere,
    }
    clean = redacted(replace(whole, files=files, commands=commands, note=elsewhere), [serial])
    text = json.dumps(clean.to_json()).lower()
    for secret in [*secrets, planted["some.unknown.property"]]:
        assert secret.lower() not in text
    assert inspect(clean) == inspect(whole)


@pytest.mark.parametrize(
    "text",
    [
        "02:00:5e:10:ab:CD",
        "02-00-5e-10-ab-cd",
        "356938035643809",
        "89014103211118510720",
        "somebody@example.com",
        "builder@build-box",
        "eng.somebody.20201010",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "a {} b", "({})", "id={};"])
def test_what_looks_private_is_hidden_anywhere(text: str, frame: str) -> None:
    clean = redacted(Dump({"proc/x": frame.format(text)}, {"battery": frame.format(text)}))
    assert clean.files["proc/x"] == clean.commands["battery"] == frame.format(HIDDEN)


@pytest.mark.parametrize(
    "line", ["Serial\t\t: 10000000abcdef01\n", "  Battery serial: AB12\n", "SSID=My home\n", "  owner: me\n"]
)
def test_lines_that_say_what_they_are_keep_the_key_only(line: str) -> None:
    clean = redacted(Dump({"a": f"first\n{line}last\n"}, {})).files["a"]
    assert clean.startswith("first\n")
    assert clean.endswith(f"{HIDDEN}\nlast\n")
    assert line[:5] in clean


@pytest.mark.parametrize("serial", ["192.168.7.31:5555", "adb-HT7A91A01234-x7Yz._adb-tls-connect._tcp"])
def test_the_address_of_a_wireless_phone(serial: str) -> None:
    clean = redacted(Dump({"a": f"{serial} {serial.rpartition(':')[0] or serial}\n"}, {}), [serial])
    assert "192" not in clean.files["a"]
    assert "HT7A" not in clean.files["a"]


def test_short_secrets_do_not_break_numbers() -> None:
    whole = Dump({"a": "1804800 80480\n"}, {"getprop": "[ro.serialno]: [80480]\n[ro.product.model]: [P]\n"})
    assert redacted(whole).files["a"] == f"1804800 {HIDDEN}\n"
