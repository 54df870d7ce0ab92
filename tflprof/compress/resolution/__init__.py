"""The same network at other input sizes."""
