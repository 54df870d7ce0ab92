"""``python -m tflprof``."""

from tflprof.cli.main import run

if __name__ == "__main__":
    run()
