"""Read, write, build and cost .tflite models."""
