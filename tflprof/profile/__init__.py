"""The profile file: the seam between acquiring numbers and deciding by them."""
