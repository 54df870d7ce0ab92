"""Types of the runtime's profiler events."""

from __future__ import annotations

PHASE, OPERATOR, KERNELS = 1, 2, (4, 8)
"""A phase of the runtime, an operator, a kernel of a delegate."""
