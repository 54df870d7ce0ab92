"""Progress of long work, as told to a callback."""

from tflprof.measure.pipeline import OnProgress, Progress

__all__ = ["OnProgress", "Progress"]
