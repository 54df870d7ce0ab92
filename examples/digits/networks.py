"""Four small networks of the kinds that compression treats differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from examples.digits.data import INPUT, SIDE

CLASSES = 10


def _normalised(keras: Any, features: Any, layer: Any) -> Any:
    """A layer without bias, then batch normalisation and ReLU6."""
    features = keras.layers.BatchNormalization(momentum=0.9)(layer(features))
    return keras.layers.ReLU(6.0)(features)


def _convolution(keras: Any, features: Any, filters: int, kernel: int = 3, stride: int = 1) -> Any:
    layer = keras.layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)
    return _normalised(keras, features, layer)


def _separable(keras: Any, features: Any, filters: int, stride: int = 1) -> Any:
    depthwise = keras.layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)
    return _convolution(keras, _normalised(keras, features, depthwise), filters, 1)


def _classified(keras: Any, inputs: Any, features: Any, name: str) -> Any:
    outputs = keras.layers.Dense(CLASSES, activation="softmax")(features)
    return keras.Model(inputs, outputs, name=name)


def mobile(keras: Any) -> Any:
    """Depthwise-separable convolutions with batch normalisation, as in MobileNet v1."""
    inputs = keras.Input((SIDE, SIDE, 1), name=INPUT)
    features = _convolution(keras, inputs, 32, stride=2)
    for filters, stride in ((64, 1), (96, 1), (128, 2), (128, 1), (192, 1)):
        features = _separable(keras, features, filters, stride)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return _classified(keras, inputs, features, "digits_mobile")


def residual(keras: Any) -> Any:
    """Residual additions, and a block that concatenates, as in ResNet and Inception."""
    inputs = keras.Input((SIDE, SIDE, 1), name=INPUT)
    features = _convolution(keras, inputs, 32, stride=2)
    for filters, stride in ((32, 1), (64, 2), (64, 1)):
        inner = _convolution(keras, features, filters, 3, stride)
        last = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)
        inner = keras.layers.BatchNormalization(momentum=0.9)(last(inner))
        if stride != 1:
            features = _convolution(keras, features, filters, 1, stride)
        features = keras.layers.ReLU()(keras.layers.Add()([features, inner]))
    branches = [_convolution(keras, features, 48, 1), _convolution(keras, features, 48, 3)]
    features = keras.layers.Concatenate()(branches)
    features = _convolution(keras, features, 96, 1)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return _classified(keras, inputs, features, "digits_residual")


def mlp(keras: Any) -> Any:
    """Fully connected layers only."""
    inputs = keras.Input((SIDE, SIDE, 1), name=INPUT)
    features = keras.layers.Flatten()(inputs)
    for units in (384, 256, 128):
        features = keras.layers.Dense(units, activation="relu")(features)
    return _classified(keras, inputs, features, "digits_mlp")


def plain(keras: Any) -> Any:
    """3x3 convolutions and pooling, then fully connected layers, as in VGG."""
    inputs = keras.Input((SIDE, SIDE, 1), name=INPUT)
    features = inputs
    for filters in (24, 48, 64):
        features = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Dense(128, activation="relu")(features)
    return _classified(keras, inputs, features, "digits_plain")


NETWORKS: Final[dict[str, Callable[[Any], Any]]] = {
    "mobile": mobile,
    "residual": residual,
    "mlp": mlp,
    "plain": plain,
}
EPOCHS: Final = {"mobile": 20, "residual": 14, "mlp": 24, "plain": 14}
