"""The project measured: one command each, results in reports/benchmarks/."""
