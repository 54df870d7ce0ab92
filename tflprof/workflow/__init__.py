"""What needs both a device and a decision; the public API."""
