"""Trains the networks: ``python -m examples.digits.train FOLDER [NETWORK ...]``.

Writes NETWORK.tflite, NETWORK_int8.tflite and NETWORK.keras for each, with calibration.npz and heldout.npz. A few
minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from examples.digits.data import SEED, SIDE, Digits, load, save
from examples.digits.networks import EPOCHS, NETWORKS
from tflprof.recover.export import export_tflite
from tflprof.recover.extra import load_tensorflow

BATCH = 128
SHIFT = 2


def batches(digits: Digits, tf: Any) -> Any:
    """The training digits in a new order every epoch, each shifted by up to two pixels."""
    padding = [[SHIFT, SHIFT], [SHIFT, SHIFT], [0, 0]]

    def shifted(image: Any, label: Any) -> tuple[Any, Any]:
        return tf.image.random_crop(tf.pad(image, padding), (SIDE, SIDE, 1), seed=SEED), label

    part = digits.train
    data = tf.data.Dataset.from_tensor_slices((part.images, part.labels))
    return data.shuffle(len(part), seed=SEED).map(shifted).batch(BATCH)


def train(name: str, digits: Digits) -> Any:
    """A trained Keras model of one of the networks."""
    tf = load_tensorflow()
    # Names of layers count on from one network to the next otherwise.
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(SEED)
    model = NETWORKS[name](tf.keras)
    steps = EPOCHS[name] * -(-len(digits.train) // BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(batches(digits, tf), epochs=EPOCHS[name], verbose=0)
    return model


def write(name: str, digits: Digits, folder: Path) -> float:
    """Train a network and write its files. Returns its accuracy on the held-out digits."""
    model = train(name, digits)
    model.save(folder / f"{name}.keras")
    (folder / f"{name}.tflite").write_bytes(export_tflite(model))
    ranges = digits.calibration.images
    (folder / f"{name}_int8.tflite").write_bytes(export_tflite(model, "int8", ranges))
    guesses = np.argmax(model.predict(digits.heldout.images, verbose=0), 1)
    return float(np.mean(guesses == digits.heldout.labels))


def main() -> None:
    """Train what the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("networks", nargs="*", default=[], help=", ".join(NETWORKS))
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    digits = load(chosen.folder)
    save(digits, chosen.folder)
    for name in chosen.networks or NETWORKS:
        accuracy = write(name, digits, chosen.folder)
        line = f"{name}: {100 * accuracy:.2f} % of {len(digits.heldout)} held-out digits\n"
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
