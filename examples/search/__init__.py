"""Search: networks like MobileNet v1 that make the most of a latency budget."""
