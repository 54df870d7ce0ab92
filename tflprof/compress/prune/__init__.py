"""Structured pruning of channels through the graph of what depends on them."""
