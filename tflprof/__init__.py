"""Per-layer latency of LiteRT models on ARM phones, emulated cores and the host."""
