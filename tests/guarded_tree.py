"""A phone's files below a folder, and the program that keeps it quiet at work on them."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path
from typing import IO

from tflprof.targets.adb.quiet_script import GUARD, guard_script, leftover_script
from tflprof.targets.adb.setup import PhoneSetup

SETTINGS = """\
    place=$TREE/settings/$2.$3
    case $1 in
    get) if [ -e "$place" ]; then cat "$place"; else echo null; fi ;;
    put) echo "$4" >"$place" ;;
    delete) rm "$place" ;;
    esac
    """
CMD = """\
    echo "$*" >>"$TREE/log"
    job='package bg-dexopt-job'
    case "$(cat "$TREE/level") $*" in
    3[123]' package cancel-bg-dexopt-job') echo Success ;;
    33" $job --disable" | 33" $job --enable" | 33" $job --cancel") echo Success ;;
    33" $job --"*) echo 'Unknown option'; exit 255 ;;
    3[4-6]" $job --disable") echo 'Background dexopt job disabled' ;;
    3[4-6]" $job --enable") echo 'Background dexopt job enabled' ;;
    3[4-6]" $job --cancel") echo 'Background dexopt job cancelled' ;;
    *) echo 'Unknown command'; exit 255 ;;
    esac
    """
STAY_ON = "global.stay_on_while_plugged_in"
DEXOPT_OFF = ["package bg-dexopt-job --disable", "package bg-dexopt-job --cancel"]
DEXOPT_ON = "package bg-dexopt-job --enable"


class Tree:
    """A phone's files below a folder: two policies of two CPUs, wake locks, settings."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "quiet-ab-1"
        self.cpus = root / "cpu"
        self.power = root / "power"
        for number in range(4):
            policy = self.cpus / f"cpu{number // 2 * 2}" / "cpufreq"
            if number % 2:
                (self.cpus / f"cpu{number}").mkdir()
                (self.cpus / f"cpu{number}" / "cpufreq").symlink_to(policy)
                continue
            policy.mkdir(parents=True)
            for name, text in {
                "related_cpus": f"{number} {number + 1}",
                "scaling_governor": "schedutil",
                "scaling_available_governors": "performance powersave schedutil ",
                "cpuinfo_min_freq": "300000",
                "cpuinfo_max_freq": "2000000",
                "scaling_min_freq": "400000",
                "scaling_max_freq": "1900000",
            }.items():
                (policy / name).write_text(text + "\n")
        self.power.mkdir()
        (self.power / "wake_lock").write_text("")
        (self.power / "wake_unlock").write_text("")
        (root / "settings").mkdir()
        (root / "bin").mkdir()
        for name, text in (("settings", SETTINGS), ("cmd", CMD)):
            path = root / "bin" / name
            path.write_text("#!/bin/sh\n" + textwrap.dedent(text))
            path.chmod(0o755)
        self.set(STAY_ON, "3")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "TREE": str(self.root)}

    def set(self, name: str, value: str) -> None:
        (self.root / "settings" / name).write_text(value + "\n")

    def setting(self, name: str) -> str | None:
        path = self.root / "settings" / name
        return path.read_text().strip() if path.exists() else None

    def clock(self, cpu: int) -> tuple[str, ...]:
        names = ("scaling_governor", "scaling_min_freq", "scaling_max_freq")
        return tuple((self.cpus / f"cpu{cpu}/cpufreq" / name).read_text().strip() for name in names)

    def log(self) -> list[str]:
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, setup: PhoneSetup, cpus: tuple[int, ...] = (2, 3), level: int | None = 33) -> Guard:
        self.directory.mkdir()
        (self.root / "level").write_text(f"{level}\n")
        script = guard_script(setup, cpus, str(self.directory), level, str(self.cpus), str(self.power))
        (self.directory / GUARD).write_text(script)
        return Guard(self, setup)

    def restore_leftover(self, *, mine: bool) -> list[str]:
        script = leftover_script(str(self.directory), mine)
        done = subprocess.run(
            ["/bin/sh", "-c", script], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()


class Guard:
    """The program at work."""

    def __init__(self, tree: Tree, setup: PhoneSetup) -> None:
        self.waits = setup.changes_clocks
        self.process = subprocess.Popen(
            ["/bin/sh", str(tree.directory / GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=tree.environment,
            cwd=tree.directory,
            text=True,
        )
        self.said: list[str] = []

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def ready(self, hot: str = "") -> list[str]:
        self.until_ready()
        if self.waits:
            self.go(hot)
        return self.said

    def go(self, hot: str = "") -> None:
        """The phone is as cool as it will be."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"go {hot}\n")
        self.process.stdin.flush()
        self.until_ready()

    def until_ready(self) -> None:
        for line in self.output:
            if line == "ready\n":
                return
            self.said.append(line.strip())
        raise AssertionError(f"it ended early: {self.said}")

    def end(self) -> list[str]:
        """Its input ends, as when the link breaks; what it says."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.rest()

    def rest(self) -> list[str]:
        rest = self.output.read().splitlines()
        self.process.wait(10)
        return rest

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.output.close()
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
