"""Run models and yield records of what happened."""
