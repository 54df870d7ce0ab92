"""Profiles a model on a virtual phone that lives as long as that takes.

Run by `make phone-profile`: $MODEL (default: a small network built here), further options in $PROFILE_ARGS.
The times are those of an emulator; everything else is as on a phone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.phone import VirtualPhone
from tflprof.errors import EnvironmentFault
from tflprof.model.build import build_network

PROFILE = Path(__file__).with_name("profile.sh")
SMALL = Path("out/mobilenet_v1_0.25_96_float32.tflite")


def main() -> int:
    """Start the phone, profile, and turn it off."""
    model = os.environ.get("MODEL")
    if not model:
        SMALL.parent.mkdir(exist_ok=True)
        SMALL.write_bytes(build_network("mobilenet_v1", size=96, width=0.25))
        model = str(SMALL)
    try:
        # The profile must not pass for a real phone's.
        with VirtualPhone(admits=True) as phone:
            adb = {
                key: value for key, value in phone.environment.items() if key.startswith(("ADB_", "ANDROID_"))
            }
            wishes = {"MODEL": model, "TARGET": "adb"}
            wishes["PROFILE_ARGS"] = os.environ.get("PROFILE_ARGS") or "--max-seconds 30"
            return subprocess.run(["sh", PROFILE], env=os.environ | adb | wishes, check=False).returncode
    except EnvironmentFault as fault:
        sys.stderr.write(f"{fault.what}\n  → {fault.hint}\n")
        return fault.exit_code


if __name__ == "__main__":
    sys.exit(main())
