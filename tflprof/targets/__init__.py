"""The places where a model can run."""
