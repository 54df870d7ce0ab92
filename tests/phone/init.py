"""The phone's first process: makes its file systems, starts the daemon, does what tests ask for.

Run as ``python -m tests.phone.init FD``: FD is a socket of lines of JSON. When it ends, so does the phone, with
everything that runs on it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from tests.phone import kernel
from tests.phone.control import Control
from tests.phone.daemon import run_daemon
from tests.phone.options import DaemonOptions

SHELL_USER = 2000
SHELL_GROUPS = (1004, 1007, 1011, 1015, 1028, 3001, 3002, 3003, 3006)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Files of /proc that show the phone's facts in place of the machine's.
PROC_FILES = (
    *("cpuinfo", "meminfo", "version"),
    *("sys/kernel/random/boot_id", "sys/kernel/perf_event_paranoid"),
)
STATE = "phone"


def make_file_systems(root: Path, data_bytes: int) -> None:
    """Mount everything below the phone's root; writable only what is writable on a phone."""
    kernel.mount("none", Path("/"), flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.bind(root, root)
    kernel.mount("none", root, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
    for name, options in (
        ("data", f"size={data_bytes},mode=0771"),
        ("dev", "size=1m,mode=0755"),
        ("sys", "size=16m,mode=0755"),
        (STATE, "size=16m,mode=0777"),
        ("tmp", "size=1m,mode=0771"),
    ):
        kernel.mount("tmpfs", root / name, "tmpfs", kernel.MS_NOSUID, options)
    kernel.mount("proc", root / "proc", "proc")
    for name in PROC_FILES:
        stand_in = root / STATE / "proc" / name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.touch()
        kernel.bind(stand_in, root / "proc" / name)
    for name in DEVICES:
        (root / "dev" / name).touch()
        kernel.bind(Path("/dev", name), root / "dev" / name)
    (root / "dev/pts").mkdir()
    kernel.mount("devpts", root / "dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620")
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    temporary = root / "data/local/tmp"
    temporary.mkdir(parents=True)
    os.chown(temporary, SHELL_USER, SHELL_USER)
    temporary.chmod(0o771)


class Init:
    """Obeys the control socket."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._daemon: tuple[int, Control] | None = None

    def run(self) -> None:
        """Until the control socket ends."""
        signal.signal(signal.SIGCHLD, lambda *_: kernel.reap())
        while True:
            select.select([self._control.connection], [], [])
            action, *arguments = self._control.hear()
            try:
                self._control.say(["ok", getattr(self, f"do_{action}")(*arguments)])
            except OSError as error:
                self._control.say(["failed", str(error)])

    def do_start_daemon(self, options: dict[str, Any]) -> int:
        """Start it; returns its process number here once it listens."""
        ours, theirs = socket.socketpair()
        number = os.fork()
        if number == 0:
            ours.close()
            self._control.connection.close()
            self._become_daemon(DaemonOptions(**options), Control(theirs))
        theirs.close()
        commands = Control(ours)
        try:
            commands.hear()
        except EOFError:
            raise OSError(f"the daemon cannot listen on port {options['port']}") from None
        self._daemon = (number, commands)
        return number

    def _become_daemon(self, options: DaemonOptions, commands: Control) -> None:
        """Never returns."""
        status = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.umask(0)
            kernel.set_name("adbd")
            os.setgroups(SHELL_GROUPS)
            if not options.rooted:
                os.setgid(SHELL_USER)
                os.setuid(SHELL_USER)
            run_daemon(options, commands)
            status = 0
        finally:
            os._exit(status)

    def do_daemon(self, action: str, arguments: Any) -> None:
        """Pass a command on to the daemon."""
        if not self._daemon:
            raise OSError("the daemon is not running")
        self._daemon[1].say([action, arguments])
        self._daemon[1].hear()

    def do_kill_daemon(self) -> None:
        """Only the daemon; its children live on if they can."""
        if self._daemon:
            os.kill(self._daemon[0], signal.SIGKILL)
            self._daemon[1].close()
            self._daemon = None

    def do_kill_all(self) -> None:
        """Every process, as at a reboot."""
        self.do_kill_daemon()
        while any(entry.name.isdigit() and entry.name != "1" for entry in Path("/proc").iterdir()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            kernel.reap()
            time.sleep(0.005)

    def do_remount(self, target: str, read_only: bool) -> None:
        """Make a file system read-only or writable again."""
        flags = kernel.MS_REMOUNT | kernel.MS_BIND | (kernel.MS_RDONLY if read_only else 0)
        kernel.mount("none", Path(target), flags=flags)


def main(descriptor: int) -> None:
    """Enter the phone's namespaces, then be its first process."""
    control = Control(socket.socket(fileno=descriptor))
    tree, data_bytes = control.hear()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS)
    control.say(["unshared", os.getpid()])
    control.hear()  # the users are mapped
    turn, pass_turn = os.pipe()
    child = os.fork()
    if child:
        control.say(["first process", child])
        os.close(pass_turn)
        os.waitpid(child, 0)
        return
    os.close(pass_turn)
    os.read(turn, 1)  # until the parent has spoken
    os.close(turn)
    kernel.die_with_parent(signal.SIGKILL)
    kernel.set_name("init")
    os.setgid(0)
    os.setuid(0)
    root = Path(tree, "root")
    try:
        kernel.register_aarch64(Path(tree, "qemu"))
        make_file_systems(root, data_bytes)
        socket.sethostname("localhost")
        os.chroot(root)
        os.chdir("/")
    except OSError as error:
        control.say(["failed", str(error)])
        return
    control.say(["ok", None])
    Init(control).run()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        sys.exit(0)
