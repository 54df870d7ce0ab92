"""What others put around a log: each takes what a tool printed and gives what a user has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_TIME = "2026-03-04T05:06:{second:02d}.{part:07d}Z"


def _each(text: str, wrap: Callable[[int, str], str]) -> str:
    return "".join(wrap(number, line) + "\n" for number, line in enumerate(text.splitlines()))


def _clock(number: int) -> str:
    return f"03-04 05:06:{number // 1000 % 60:02d}.{number % 1000:03d}"


def logcat_threadtime(text: str) -> str:
    return _each(text, lambda n, line: f"{_clock(n)}  4711  4720 I tflite  : {line}")


def logcat_uid(text: str) -> str:
    return _each(text, lambda n, line: f"2026-{_clock(n)} +0100 shell  4711  4720 I tflite  : {line}")


def logcat_time(text: str) -> str:
    return _each(text, lambda n, line: f"{_clock(n)} I/tflite  ( 4711): {line}")


def logcat_brief(text: str) -> str:
    return _each(text, lambda _, line: f"I/tflite  ( 4711): {line}")


def logcat_tag(text: str) -> str:
    return _each(text, lambda _, line: f"I/tflite: {line}")


def logcat_long(text: str) -> str:
    lines = text.splitlines()
    parts = ["\n".join(lines[at : at + 40]) for at in range(0, len(lines), 40)]
    return "".join(
        f"[ {_clock(number)}  4711: 4720 I/tflite   ]\n{part}\n" for number, part in enumerate(parts)
    )


def studio(text: str) -> str:
    return _each(
        text, lambda n, line: f"2026-{_clock(n)}  4711-4720  tflite                  pid-4711  I  {line}"
    )


def studio_old(text: str) -> str:
    return _each(text, lambda n, line: f"2026-{_clock(n)} 4711-4720/org.example.bench I/tflite: {line}")


def logcat_with_others(text: str) -> str:
    """Lines of other processes stand between."""
    lines = logcat_threadtime(text).splitlines()
    other = "03-04 05:06:07.000  1999  2001 D AudioFlinger: mixer(0x7b) throttle end: throttle time(11)"
    return "".join(
        line + "\n" + (other + "\n" if number % 3 == 0 else "") for number, line in enumerate(lines)
    )


def logcat_cut_lines(text: str) -> str:
    """A logger that takes so many characters at once."""

    def cut() -> Iterator[str]:
        for line in text.splitlines():
            first, rest = line[:90], line[90:]
            yield first
            if rest:
                yield rest

    return logcat_threadtime("\n".join(cut()))


def github(text: str) -> str:
    head = "\x1b[36;1madb shell /data/local/tmp/benchmark_model --graph=m.tflite\x1b[0m"
    lines = ["##[group]Run adb shell", head, "##[endgroup]", *text.splitlines(), "##[error]done"]
    return _each("\n".join(lines), lambda n, line: f"{_TIME.format(second=n % 60, part=n)} {line}")


def github_download(text: str) -> str:
    return _each(
        text, lambda n, line: f"bench (arm64)\tRun model\t{_TIME.format(second=n % 60, part=n)} {line}"
    )


def gitlab(text: str) -> str:
    start = "\x1b[0Ksection_start:1700000000:step_script\r\x1b[0K\x1b[0;m"
    return start + _each(text, lambda _, line: f"\x1b[0;m{line}\x1b[0;m")


def gitlab_timed(text: str) -> str:
    return _each(text, lambda n, line: f"{_TIME.format(second=n % 60, part=n)} 01O {line}")


def jenkins(text: str) -> str:
    return _each(text, lambda n, line: f"[{_TIME.format(second=n % 60, part=n)}] {line}")


def clock_alone(text: str) -> str:
    return _each(text, lambda n, line: f"[05:06:{n % 60:02d}] {line}")


def markdown(text: str) -> str:
    return (
        "# Slow model\n\nI ran it, and got:\n\n<details><summary>log</summary>\n\n```text\n"
        f"{text}```\n\n</details>\n\nIs that expected? 50% of it is in one layer.\n"
    )


def quoted(text: str) -> str:
    return "On Monday somebody wrote:\n" + _each(f"```\n{text}```", lambda _, line: f"> {line}")


def indented(text: str) -> str:
    """As a code block, and as some loggers of test harnesses do it."""
    return _each(text, lambda _, line: f"\t{line}")


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def crcrlf(text: str) -> str:
    """An old adb shell seen from Windows."""
    return text.replace("\n", "\r\r\n")


def coloured(text: str) -> str:
    return _each(text, lambda n, line: f"\x1b[{31 + n % 6}m{line}\x1b[0m")


def terminal(text: str) -> str:
    """A recorded terminal: a progress display drawn over, a window title."""
    return "\x1b]0;adb shell\x07" + _each(text, lambda n, line: f"[{n}%] pushing\r\x1b[K{line}")


def without_blank_lines(text: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if line.strip())


def double_spaced(text: str) -> str:
    return text.replace("\n", "\n\n")
