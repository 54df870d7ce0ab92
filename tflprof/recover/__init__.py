"""Wins accuracy back after compression, with TensorFlow: the only room that imports it."""
