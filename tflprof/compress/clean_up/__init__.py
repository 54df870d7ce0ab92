"""What costs time for nothing, folded or removed."""
