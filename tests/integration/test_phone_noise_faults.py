"""A phone whose answers are hard to read: old daemons, noise, odd names."""

from __future__ import annotations

import pytest

from tests.phone.machine import PROJECT
from tests.phone.product import Fault, fill_store
from tests.phone.server import AdbServer
from tests.phone.virtual_phone import VirtualPhone

PWNED = "debug.pwned"
PWN = f"setprop {PWNED} 1"
HOSTILE_NAMES = {
    "spaces and quotes": f"it's \"a\" model ; {PWN} ; '",
    "command": f"$(touch pwned; {PWN})`touch pwned; {PWN}`",
    "newline": f"two\n{PWN}\nlines",
    "UTF-8": "modèle–模型–🔥",
    "dash": "-rf --help",
    "200 characters": "long" * 48 + "long",
}
# Wrong ways to put a name into a command, and a name that gets the better of each.
CARELESS = [
    (": {name}", "command"),
    (": {name}", "newline"),
    (': "{name}"', "command"),
    (": '{name}'", "spaces and quotes"),
]

INPUT_BYTES = 32 * 32 * 3 * 4


@pytest.mark.parametrize(
    ("title", "options"),
    [
        ("no shell_v2", {"exec_service": True, "crlf": False}),
        (
            "no shell_v2, CRLF and a banner",
            {"exec_service": False, "crlf": True, "noise": "Welcome!\nroot #\n"},
        ),
    ],
)
def test_an_old_daemon(
    adb_server: AdbServer, used: Fault, title: str, options: dict[str, object], request: pytest.FixtureRequest
) -> None:
    used.phone.close()
    with VirtualPhone(server=adb_server, shell_v2=False, **options) as phone:
        fill_store(phone, request.getfixturevalue("pushed"))
        ending = used.on(phone).start("--quiet").finish()
        used.tell(title, "all of a run, with --quiet", ending)
    assert ending.status == 0, ending.stderr
    assert ending.samples > 0


def test_an_old_daemon_tells_how_a_runner_ended(
    adb_server: AdbServer, used: Fault, request: pytest.FixtureRequest
) -> None:
    used.phone.close()
    with VirtualPhone(server=adb_server, shell_v2=False, crlf=True) as phone:
        fill_store(phone, request.getfixturevalue("pushed"))
        command = used.on(phone).start()
        command.until_runner(2)
        assert command.kill_runner()
        ending = command.finish()
        used.tell("no shell_v2, runner killed", "SIGKILL in the second session", ending)
    assert ending.status == 3
    assert "SIGKILL" in ending.stderr
    assert ending.samples > 0


def test_noise_on_standard_output(used: Fault) -> None:
    used.phone.facts.make_noise(stdout_bytes=500)
    ending = used.start().finish()
    used.tell("noise on stdout", "every program begins with a linker's warnings", ending)
    assert ending.status == 0, ending.stderr


def test_a_megabyte_on_standard_error(used: Fault) -> None:
    used.phone.facts.make_noise(stderr_bytes=1 << 20)
    ending = used.start().finish()
    used.tell("1 MB on stderr", "before the runner's first record", ending)
    assert ending.status == 0, ending.stderr
    assert len(ending.stderr) < 2000


@pytest.mark.parametrize("kind", HOSTILE_NAMES)
def test_a_hostile_name(used: Fault, kind: str) -> None:
    model = used.directory / f"{HOSTILE_NAMES[kind]}.tflite"
    model.write_bytes(used.model.read_bytes())
    used.model = model
    data = model.with_suffix(".bin")
    data.write_bytes(bytes(INPUT_BYTES))
    ending = used.start("--input", f"input={data}").finish()
    used.tell(f"hostile names of model and input: {kind}", ascii(HOSTILE_NAMES[kind])[:60], ending)
    assert ending.status == 0, ending.stderr
    assert not is_pwned(used.phone)
    assert not (PROJECT / "pwned").exists()


def is_pwned(phone: VirtualPhone) -> bool:
    """Whether a name was run as a command on the phone."""
    return PWNED in phone.facts.read("phone/properties")


@pytest.mark.parametrize(("command", "kind"), CARELESS)
def test_the_names_are_hostile(phone: VirtualPhone, command: str, kind: str) -> None:
    phone.shell(command.format(name=HOSTILE_NAMES[kind]))
    assert is_pwned(phone)
