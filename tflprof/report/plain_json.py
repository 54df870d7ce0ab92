"""What JSON does not have, apart from the documents: a model is looked into without what profiles need."""

from __future__ import annotations

import math
from typing import Any


def without_nan(value: Any) -> Any:
    """The same values with null for NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
