"""Find, fetch and verify the inference library."""
