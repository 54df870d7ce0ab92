"""What is to be done to a phone before it measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhoneSetup:
    """Wishes about a phone's state; without any, nothing of it is changed but the pinning of our own program.

    Attributes:
        quiet: keep it awake and keep background work away while measuring.
        governor: frequency governor of the measured cores; needs root.
        frequency_khz: fixed frequency of the measured cores; needs root.
        cool_to: wait before measuring until battery and CPUs are at most so warm, °C.
        wait_seconds: the longest to wait for that.
        core, threads: which cores are to measure, as for :meth:`Device.cpus_for`.
    """

    quiet: bool = False
    governor: str | None = None
    frequency_khz: int | None = None
    cool_to: float | None = None
    wait_seconds: float = 300.0
    core: str | None = None
    threads: int = 1

    @property
    def changes_device(self) -> bool:
        """True if anything of the phone is to be changed (and restored)."""
        return self.quiet or self.changes_clocks

    @property
    def changes_clocks(self) -> bool:
        """True if cores are to get another governor or other limits of their frequency."""
        return self.governor is not None or self.frequency_khz is not None

    @property
    def waits(self) -> bool:
        """True if measuring is to begin with a wait: for a temperature, or for the end of throttling."""
        return self.quiet or self.cool_to is not None or self.frequency_khz is not None
