"""Quantisation: recipes per layer, ranges, precision boundaries."""
