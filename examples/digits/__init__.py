"""Digits: small networks trained on real handwriting, compressed to a budget, and recovered."""
