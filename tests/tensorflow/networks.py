"""Small Keras networks with random weights, of every kind of layer that can be rebuilt."""

from __future__ import annotations

from typing import Any


def mixed(keras: Any, side: int = 8) -> Any:
    """Convolutions plain, strided, dilated, grouped and depthwise, joins, pools, paddings, and a classifier."""
    layers = keras.layers
    inputs = keras.Input((side, side, 4), name="image")
    first = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(inputs)
    spread = layers.Conv2D(8, 3, padding="same", dilation_rate=2, activation="relu")(first)
    joined = layers.Add()([first, spread])
    depth = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(joined)
    depth = layers.ReLU()(layers.BatchNormalization()(depth))
    narrow = layers.Conv2D(6, 1, use_bias=False)(depth)
    side_by_side = layers.Concatenate()([narrow, layers.MaxPooling2D(3, 1, padding="same")(first)])
    scaled = layers.Multiply()([side_by_side, keras.ops.sigmoid(side_by_side)])
    padded = layers.Conv2D(8, 3, activation="tanh")(layers.ZeroPadding2D(1)(scaled))
    pooled = layers.AveragePooling2D(2)(padded)
    features = layers.GlobalAveragePooling2D()(keras.ops.elu(pooled - 0.1))
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(layers.Dense(7)(features)))


def flat(keras: Any) -> Any:
    """A network whose size is fixed by a fully connected layer, without a softmax."""
    inputs = keras.Input((4, 4, 2), name="image")
    features = keras.layers.Flatten()(keras.layers.Conv2D(4, 1, activation="relu")(inputs))
    return keras.Model(inputs, keras.layers.Dense(3)(features))


def narrow(keras: Any, width: int, side: int = 8) -> Any:
    """A classifier of a given width, to be teacher or student."""
    inputs = keras.Input((side, side, 4), name="image")
    features = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(inputs)
    features = keras.layers.Conv2D(width, 1, activation="relu")(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(features))
