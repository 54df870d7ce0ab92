"""Phones and boards behind an adb server."""
