"""Runs a virtual phone for people, until Ctrl-C: ``python -m tests.phone --help``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from tests.phone.models import IDENTITIES, SDK_LEVELS
from tests.phone.virtual_phone import VirtualPhone
from tflprof.errors import EnvironmentFault


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the phone, print how to use it, and wait."""
    parser = argparse.ArgumentParser(prog="python -m tests.phone", description=__doc__)
    parser.add_argument("--model", default="pixel2", choices=sorted(IDENTITIES), help="whose cores it has")
    parser.add_argument("--android", type=int, default=13, choices=sorted(SDK_LEVELS), help="its version")
    parser.add_argument("--rooted", action="store_true", help="programs run as root")
    parser.add_argument("--no-shell-v2", action="store_true", help="a daemon from before Android 7")
    parser.add_argument("--unauthorized", action="store_true", help="USB debugging was not allowed on it")
    parser.add_argument("--bytes-per-second", type=int, default=0, help="speed of the link")
    wishes = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with VirtualPhone(
            wishes.model,
            android=wishes.android,
            rooted=wishes.rooted,
            shell_v2=not wishes.no_shell_v2,
            crlf=wishes.no_shell_v2,
            authorized=not wishes.unauthorized,
            bytes_per_second=wishes.bytes_per_second,
            admits=True,
        ) as phone:
            _explain(phone)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except EnvironmentFault as fault:
        sys.stderr.write(f"{fault.what}\n{fault.hint}\n")
        return fault.exit_code
    return 0


def _explain(phone: VirtualPhone) -> None:
    names = ("ANDROID_ADB_SERVER_PORT", "ADB_LOCAL_TRANSPORT_MAX_PORT")
    settings = " ".join(f"{name}={phone.environment[name]}" for name in names)
    sys.stdout.write(
        f"A virtual {phone.phone.title} is connected as {phone.serial}. In another terminal:\n\n"
        f"    export {settings}\n"
        f"    {phone.server.adb} shell\n"
        "    tflprof targets\n"
        "    tflprof profile MODEL.tflite --target adb\n\n"
        "Its programs are emulated: its times mean nothing. Ctrl-C turns it off.\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
