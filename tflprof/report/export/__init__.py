"""Profiles in the formats of other programs (docs/export.md), one file per format."""
