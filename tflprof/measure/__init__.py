"""Measuring a model and attributing what was measured to its layers."""
