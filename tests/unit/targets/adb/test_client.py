"""What the adb server lists, which phone is chosen, and what is said of one that cannot be used."""

from __future__ import annotations

import pytest

from tflprof.errors import TargetError
from tflprof.targets.adb.client import (
    AdbServer,
    Phone,
    choose_phone,
    is_network_serial,
    parse_phones,
    state_remedy,
)

LISTING = (
    "8ABX0PQRS              device usb:1-4 product:walleye model:Pixel_2 device:walleye transport_id:3\n"
    "192.168.1.5:37099      device product:oriole model:Pixel_6 device:oriole transport_id:4\n"
    "adb-17161JEC203292-5fCaDM._adb-tls-connect._tcp device product:a model:Pixel_5a device:a transport_id:5\n"
    "emulator-5554          offline transport_id:7\n"
    "0123456789ABCDEF       unauthorized usb:1-2 transport_id:8\n"
    "????????????           no permissions (user in plugdev group; are your udev rules wrong?); "
    "see [http://developer.android.com/tools/device.html] usb:1-1 transport_id:9\n"
    "R58N                   recovery usb:1-3 product:x model:SM_A515F device:a51 transport_id:10\n"
    "adb-25191JEGR05643-8sd1Ab (2)._adb-tls-connect._tcp device product:cheetah model:Pixel_7_Pro device:cheetah "
    "transport_id:11\n"
    "(no serial number)     no permissions (missing udev rules? user is in the plugdev group); "
    "see [http://developer.android.com/tools/device.html] usb:1-5 transport_id:12\n"
    "R59N                   a state of tomorrow usb:1-6 transport_id:13\n"
)


def test_a_listing() -> None:
    phones = parse_phones(LISTING)
    assert [(phone.serial, phone.model) for phone in phones] == [
        ("8ABX0PQRS", "Pixel 2"),
        ("192.168.1.5:37099", "Pixel 6"),
        ("adb-17161JEC203292-5fCaDM._adb-tls-connect._tcp", "Pixel 5a"),
        ("emulator-5554", None),
        ("0123456789ABCDEF", None),
        ("????????????", None),
        ("R58N", "SM A515F"),
        ("adb-25191JEGR05643-8sd1Ab (2)._adb-tls-connect._tcp", "Pixel 7 Pro"),
        ("(no serial number)", None),
        ("R59N", None),
    ]
    assert [phone.state for phone in phones[:5]] == ["device", "device", "device", "offline", "unauthorized"]
    assert phones[5].state.startswith("no permissions (user in plugdev group")
    assert "usb:" not in phones[5].state
    assert [phone.state for phone in phones[6:8]] == ["recovery", "device"]
    assert phones[8].state.startswith("no permissions (missing udev rules?")
    assert "udev rules" in state_remedy(phones[8])
    assert phones[9].state == "a state of tomorrow"


@pytest.mark.parametrize("text", ["", "\n", "* daemon started\n\n".replace("* daemon started", "")])
def test_an_empty_listing(text: str) -> None:
    assert parse_phones(text) == []


def test_short_listings_have_tabs() -> None:
    assert parse_phones("abc\tdevice\n") == [Phone("abc", "device")]


@pytest.fixture(autouse=True)
def no_serial_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)


ONE, OTHER = Phone("AAA", "device", "Pixel 2"), Phone("10.0.0.2:5555", "device", "Pixel 6")


def test_the_only_phone_needs_no_serial() -> None:
    assert choose_phone([ONE], None) is ONE


def test_a_phone_by_its_serial() -> None:
    assert choose_phone([ONE, OTHER], OTHER.serial) is OTHER


def test_a_serial_with_blanks_is_shown_as_it_must_be_typed() -> None:
    error = refusal([Phone("adb-1 (2)._adb-tls-connect._tcp", "device"), ONE], None)
    assert (error.hint or "").endswith("such as 'adb:adb-1 (2)._adb-tls-connect._tcp'")


def refusal(phones: list[Phone], serial: str | None) -> TargetError:
    with pytest.raises(TargetError) as caught:
        choose_phone(phones, serial)
    assert caught.value.hint
    return caught.value


def test_several_phones_are_listed_with_their_models() -> None:
    error = refusal([ONE, OTHER], None)
    assert "AAA (Pixel 2)" in error.what
    assert "10.0.0.2:5555 (Pixel 6)" in error.what
    assert "--target adb:SERIAL" in (error.hint or "")


def test_no_phone() -> None:
    error = refusal([], None)
    assert "no phone is connected" in error.what
    assert "USB debugging" in (error.hint or "")


def test_the_environment_chooses_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_SERIAL", OTHER.serial)
    assert choose_phone([ONE, OTHER], None) is OTHER
    assert choose_phone([ONE, OTHER], "AAA") is ONE
    monkeypatch.setenv("ANDROID_SERIAL", "BBB")
    assert "there is no phone 'BBB', which ANDROID_SERIAL names; connected: AAA" in refusal([ONE], None).what
    assert "ANDROID_SERIAL" not in refusal([ONE], "CCC").what
    monkeypatch.setenv("ANDROID_SERIAL", "")
    assert choose_phone([ONE], None) is ONE


@pytest.mark.parametrize(
    ("serial", "remedy"),
    [
        ("BBB", "--target adb:SERIAL"),
        ("10.0.0.9:5555", "adb connect 10.0.0.9:5555"),
        ("adb-1._adb-tls-connect._tcp", "wireless debugging"),
    ],
)
def test_a_serial_that_is_not_there(serial: str, remedy: str) -> None:
    error = refusal([ONE], serial)
    assert serial in error.what
    assert "AAA (Pixel 2)" in error.what
    assert remedy in (error.hint or "")


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        ("unauthorized", "accept the question"),
        ("offline", "adb reconnect"),
        ("no permissions (missing udev rules? user is in the plugdev group)", "plugdev"),
        ("bootloader", "fastboot reboot"),
        ("recovery", "adb reboot"),
        ("something new", "plug the cable in again"),
    ],
)
def test_a_phone_in_another_state(state: str, remedy: str) -> None:
    for serial in (None, "AAA"):
        error = refusal([Phone("AAA", state)], serial)
        assert state in error.what
        assert remedy in (error.hint or "")


@pytest.mark.parametrize(
    ("serial", "network"),
    [
        ("127.0.0.1:5601", True),
        ("[fe80::1%eth0]:5555", True),
        ("phone.local:5555", True),
        ("8ABX0PQRS", False),
        ("emulator-5554", False),
        ("adb-1-x._adb-tls-connect._tcp", False),
    ],
)
def test_serials_of_the_network(serial: str, network: bool) -> None:
    assert is_network_serial(serial) is network


@pytest.mark.parametrize("port", ["zero", "0", "65536", "-1", "٣"])
def test_an_impossible_port(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with pytest.raises(TargetError, match="no port"):
        AdbServer()


HOSTS = ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_HOST")


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "127.0.0.1:5037"),
        ({"ANDROID_ADB_SERVER_PORT": "15037", "ANDROID_ADB_SERVER_ADDRESS": "10.1.1.1"}, "10.1.1.1:15037"),
        ({"ANDROID_ADB_SERVER_HOST": "10.1.1.2"}, "10.1.1.2:5037"),
        ({"ANDROID_ADB_SERVER_HOST": "10.1.1.2", "ANDROID_ADB_SERVER_ADDRESS": "other"}, "other:5037"),
        ({"ADB_SERVER_SOCKET": "tcp:farm:6000", "ANDROID_ADB_SERVER_PORT": "7000"}, "farm:6000"),
        ({"ADB_SERVER_SOCKET": "tcp:6000", "ANDROID_ADB_SERVER_ADDRESS": "other"}, "127.0.0.1:6000"),
        ({"ADB_SERVER_SOCKET": "", "ANDROID_ADB_SERVER_PORT": "7000"}, "127.0.0.1:7000"),
    ],
)
def test_the_server_is_where_adb_itself_looks(
    variables: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*HOSTS, "ANDROID_ADB_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(AdbServer()) == f"the adb server at {address}"


@pytest.mark.parametrize(
    "address",
    [
        "localabstract:/adb.sock",
        "localfilesystem:/adb",
        "vsock:2:5037",
        "farm:5037",
        "tcp:",
        "tcp:farm:",
        "tcp:farm:x",
        "tcp:0",
    ],
)
def test_other_sockets_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADB_SERVER_SOCKET", address)
    with pytest.raises(TargetError, match=r"which is no (TCP socket|port)") as caught:
        AdbServer()
    assert f"ADB_SERVER_SOCKET is {address!r}" in caught.value.what
    assert "unset" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("variable", "value"), [("ADB_SERVER_SOCKET", "tcp:[::1]:6000"), ("ANDROID_ADB_SERVER_ADDRESS", "::1")]
)
def test_ipv6_is_refused(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(TargetError, match=f"{variable} names '::1', and IPv6 is not supported"):
        AdbServer()
