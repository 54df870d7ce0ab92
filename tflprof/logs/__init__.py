"""What the official tools print, in every generation: pure parsers from bytes to tables and timings."""
