"""The targets that exist here, for listing."""

from tflprof.targets.listing import TargetInfo, list_targets

__all__ = ["TargetInfo", "list_targets"]
