#!/bin/sh
# Prints what keeps `emulated:pixel2` from being used and what to do about it; nothing if it can be used.
# tflprof itself decides, so that this never disagrees with `tflprof profile`.
set -eu

# Without a port for it, no adb server is started: phones are not asked about.
targets=$(ANDROID_ADB_SERVER_PORT=none "$VENV/bin/tflprof" targets --json)
printf %s "$targets" | "$VENV/bin/python" -c '
import json, sys

target = next(each for each in json.load(sys.stdin)["targets"] if each["name"] == "emulated:pixel2")
if not target["usable"]:
    print(*filter(None, (target["reason"], target["remedy"])), sep="\n")
'
