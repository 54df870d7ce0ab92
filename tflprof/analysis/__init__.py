"""Decisions from profile files alone: comparing, gating, history. Knows no device and no session."""
