"""What a test can change in a running daemon."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DaemonOptions:
    """How the daemon behaves.

    Attributes:
        port: on 127.0.0.1.
        banner: the properties it tells the server at once, such as ``ro.product.model=Pixel 2``.
        shell_v2: separate standard error, exit status; otherwise as before Android 7.
        crlf: without shell_v2, line ends are CR LF as from a terminal.
        noise: printed before the output of every command without shell_v2.
        exec_service: without it, as before Android 5, every command's output passes a terminal.
        authorized: False: no key is ever accepted.
        rooted: programs run as root instead of as the user ``shell``.
        bytes_per_second: of the link, 0: as fast as it goes.
        corrupt_pushes: so many of the next pushed files get a wrong byte.
        silent: nothing passes any more though the link stays open.
        environment: of every program.
    """

    port: int
    banner: str
    shell_v2: bool = True
    crlf: bool = False
    noise: str = ""
    exec_service: bool = True
    authorized: bool = True
    rooted: bool = False
    bytes_per_second: int = 0
    corrupt_pushes: int = 0
    silent: bool = False
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def features(self) -> str:
        """As the banner lists them."""
        return "shell_v2,cmd" if self.shell_v2 else "cmd"
