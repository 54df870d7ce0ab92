"""The errors a user can meet, and the exit status each ends the command with.

TflprofError                 what failed, with which value, why, what to try next
├── UsageError          2    wrong option, configuration, output exists
├── ModelError          2    not a model, broken, unsupported
├── ProfileError        2    not a profile, too new, broken
├── EnvironmentFault    3    no runtime, no emulator, no disk space
│   ├── TargetError     3    unknown or unusable target
│   │   └── DeviceLost  3    the link to a device broke; a retry may mend it
│   ├── RuntimeMissing  3    the inference library is missing or does not fit
│   └── RunnerError     3    the runner failed or died
└── Untrusted           4    inconclusive, incomparable, or not trusted where trust is required
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_INCONCLUSIVE = 4
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141


class TransientError(Exception):
    """Mixed into errors that a retry may mend."""


class TflprofError(Exception):
    """Base of all errors meant for the user.

    Args:
        what: one sentence: what failed, with which value, and why.
        hint: the next thing to try, or None.
    """

    exit_code = EXIT_INTERNAL

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UsageError(TflprofError):
    """A wrong option, argument or configuration."""

    exit_code = EXIT_USAGE


class ModelError(TflprofError):
    """A model that cannot be read, or not be used as asked."""

    exit_code = EXIT_USAGE


class ProfileError(TflprofError):
    """A file that is not a readable profile."""

    exit_code = EXIT_USAGE


class EnvironmentFault(TflprofError):
    """Something this machine or the device lacks."""

    exit_code = EXIT_ENVIRONMENT


class TargetError(EnvironmentFault):
    """A target that does not exist or cannot be used now."""


class DeviceLost(TargetError, TransientError):
    """The link to a device broke, or the device went away."""


class RuntimeMissing(EnvironmentFault):
    """The inference library is missing, corrupt, or of the wrong platform."""


class RunnerError(EnvironmentFault):
    """The runner reported a failure or died.

    Attributes:
        stage: what the runner was doing, a key of docs/runner-protocol.md's failures; empty if it died.
        reason: what the runner said about it; empty if it died.
    """

    stage = ""
    reason = ""


class Untrusted(TflprofError):
    """A result that must not be relied upon where reliance was asked for."""

    exit_code = EXIT_INCONCLUSIVE
