"""What papers and their authors publish about networks, and how each of them counts.

A batch normalisation is folded into its convolution in a .tflite file: of its parameters only one per
channel is left, the bias. Publishers count 0 to 4 of them per channel: none, the offset (``scale=False``),
scale and offset (what is trained), or these and the two moving statistics. :class:`Counts` keeps weights and
normalised channels apart, so that every way of counting can be compared exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt

from tests.unit.model.tables import read_bytes
from tflprof.model.build import build_network
from tflprof.model.cost import op_cost
from tflprof.model.graph import Model, Op


@dataclass(frozen=True)
class Counts:
    """What a network's convolutions and fully connected layers come to.

    Attributes:
        macs: multiply-accumulates.
        weights: weights, and biases that belong to no batch normalisation.
        channels: batch-normalised output channels.
        outputs: elements of all their outputs.
        normalised: elements of the batch-normalised ones.
    """

    macs: int
    weights: int
    channels: int
    outputs: int
    normalised: int


@dataclass(frozen=True)
class Published:
    """Published counts of one network.

    Attributes:
        name: as built.
        size: input size.
        width: multiplier.
        classes: outputs.
        macs: multiply-accumulates, None if the source says nothing.
        parameters: likewise.
        per_channel: parameters of a batch normalisation that the source counts per channel.
        source: where the numbers stand.
        per_output: what the source adds to the MACs for each element of an output.
        per_normalised: likewise for each batch-normalised element.
        exact: whether the source gives every digit of the parameters.
        coarse: what is printed has two digits at most and is compared to one unit of the last; a closer
            source stands beside it.
    """

    name: str
    size: int
    width: float
    classes: int
    macs: float | None
    parameters: float | None
    per_channel: int
    source: str
    per_output: float = 0.0
    per_normalised: float = 0.0
    exact: bool = False
    coarse: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.width:g} {self.size}, {self.source.partition(',')[0]}"


def zero_model(folder: Path, name: str, size: int, width: float, classes: int) -> Model:
    """A network of zeros: the shapes are those of any other seed, and no time goes into drawing."""
    with mock.patch("numpy.random.default_rng", return_value=_Zeros()):
        content = build_network(name, size, width, classes=classes)
    return read_bytes(folder, content)


class _Zeros:
    def standard_normal(self, shape: tuple[int, ...], dtype: type[np.float32]) -> npt.NDArray[np.float32]:
        return np.zeros(shape, dtype)


def counts(model: Model) -> Counts:
    """Counts of a built network."""
    macs = weights = channels = outputs = normalised = 0
    for op in model.ops():
        if op.code in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            tensors = model.subgraphs[op.subgraph].tensors
            out, (_, kernel, bias) = tensors[op.outputs[0]], (tensors[i] for i in op.inputs)
            macs += op_cost(model, op).macs or 0
            weights += math.prod(kernel.shape)
            outputs += math.prod(out.shape)
            if _has_own_bias(model, op, out.name):
                weights += bias.shape[0]
            else:
                channels += bias.shape[0]
                normalised += math.prod(out.shape)
    return Counts(macs, weights, channels, outputs, normalised)


def _has_own_bias(model: Model, op: Op, name: str) -> bool:
    if op.code != "CONV_2D":
        return op.code == "FULLY_CONNECTED"
    # MobileNet v3's second convolution stands behind the pooling and is not normalised.
    if model.description.startswith("EfficientDet"):
        # Only the predictors, behind the last separable convolution, have no batch normalisation.
        return name.startswith(("box_", "class_")) and name.count("_") == 1
    v3_head = name == "conv_2" and model.description.startswith("MobileNet v3")
    return v3_head or "_se_" in name or name == "logits" or name.startswith(("box_", "class_"))


_SLIM = "github.com/tensorflow/models, research/slim/nets/mobilenet/README.md"
_VISION = "torchvision's metadata of the weights (_ops, num_params)"
_KERAS = "keras.io/api/applications"
_LITE = "github.com/tensorflow/tpu, models/official/efficientnet/lite/README.md"
_ZOO = "Open Model Zoo"
_HAILO = "Hailo Model Zoo 2.3, docs/PUBLIC_MODELS.rst (of the authors' .tflite files)"
_KERAS_HUB = "keras-hub, efficientnet_presets.py"

# The authors of EfficientNet halve what tfprof counts (num_params_flops in their utils.py), the training's
# unfused batch normalisations included. By TensorFlow's flops_registry.py one of their elements takes 6:
# Mean 1, SquaredDifference 2, Mean 1, Mul 1, Add 1. Numbers of others, without these, stand beside theirs.
_TFPROF = 3.0

# The Open Model Zoo counts 2 per MAC and 2 for each output (its bias and its activation), Hailo 1 and 1.
_BIASES = 1.0

PUBLISHED = (
    Published("mobilenet_v1", 224, 1.0, 1000, 569e6, 4.2e6, 1, "arXiv 1704.04861, table 8"),
    Published("mobilenet_v1", 224, 1.0, 1000, None, 4_253_864, 4, _KERAS, exact=True),
    Published("mobilenet_v1", 224, 0.5, 1000, 149e6, None, 1, "arXiv 1704.04861, table 6"),
    Published("mobilenet_v1", 160, 1.0, 1000, 290e6, None, 1, "arXiv 1704.04861, table 7"),
    Published("mobilenet_v2", 224, 1.0, 1000, 300e6, 3.47e6, 0, _SLIM),
    Published("mobilenet_v2", 224, 1.0, 1000, 0.301e9, 3_504_872, 2, _VISION, exact=True),
    Published("mobilenet_v2", 224, 1.4, 1000, 582e6, 6.06e6, 0, _SLIM),
    Published("mobilenet_v2", 160, 0.5, 1000, 50e6, 1.95e6, 0, _SLIM),
    # The paper's table says 219 M MACs, 1.1 % more than the network its authors published has.
    Published("mobilenet_v3_large", 224, 1.0, 1000, 217e6, None, 2, _SLIM),
    Published("mobilenet_v3_large", 224, 1.0, 1000, None, 5.4e6, 0, "arXiv 1905.02244, table 3", coarse=True),
    Published("mobilenet_v3_large", 224, 1.0, 1000, 0.217e9, 5_483_032, 2, _VISION, exact=True),
    Published("mobilenet_v3_large", 224, 0.75, 1000, 155e6, 4.0e6, 2, _SLIM),
    Published("mobilenet_v3_small", 224, 1.0, 1000, 56e6, None, 2, "arXiv 1905.02244, table 3"),
    Published("mobilenet_v3_small", 224, 1.0, 1000, 0.057e9, 2_542_856, 2, _VISION, exact=True),
    Published("ssd_mobilenet_v1", 300, 1.0, 91, 1.2e9, 6.8e6, 1, "arXiv 1704.04861, table 13", coarse=True),
    Published("ssd_mobilenet_v1", 300, 1.0, 91, 2.494e9 / 2, 6.807e6, 1, _ZOO, per_output=_BIASES),
    # The paper counts the 80 classes of COCO and the background, at 320.
    Published(
        "ssdlite_mobilenet_v2", 320, 1.0, 81, 0.8e9, 4.3e6, 1, "arXiv 1801.04381, table 6", coarse=True
    ),
    Published("ssdlite_mobilenet_v2", 300, 1.0, 91, 1.525e9 / 2, 4.475e6, 1, _ZOO, per_output=_BIASES),
    Published("resnet_50", 224, 1.0, 1000, 3.8e9, None, 2, "arXiv 1512.03385, table 1", coarse=True),
    # Of the same network, closer; torchvision's 4.1 G are of a variant with the stride elsewhere.
    Published("resnet_50", 224, 1.0, 1000, 3.86e9, None, 2, "arXiv 1709.01507, table 2"),
    Published("resnet_50", 224, 1.0, 1000, None, 25_557_032, 2, _VISION, exact=True),
    # Torchvision's parameters include the auxiliary classifier, those of Keras do not.
    Published("inception_v3", 299, 1.0, 1000, 5e9, None, 2, "arXiv 1512.00567, section 6", coarse=True),
    Published("inception_v3", 299, 1.0, 1000, 5.713e9, None, 2, _VISION),
    Published("inception_v3", 299, 1.0, 1000, None, 23_851_784, 3, _KERAS, exact=True),
    Published("efficientdet_lite0", 320, 1.0, 90, 0.99e9, 3.56e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientdet_lite1", 384, 1.0, 90, 2.00e9, 4.73e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientdet_lite2", 448, 1.0, 90, 3.42e9, 5.93e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientnet_lite0", 224, 1.0, 1000, 407e6, None, 2, _LITE, per_normalised=_TFPROF),
    Published("efficientnet_lite0", 224, 1.0, 1000, 0.39e9, 4.63e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientnet_lite0", 224, 1.0, 1000, None, 4_652_008, 2, _KERAS_HUB, exact=True),
    Published("efficientnet_lite1", 240, 1.0, 1000, 631e6, 5.4e6, 2, _LITE, per_normalised=_TFPROF),
    Published("efficientnet_lite1", 240, 1.0, 1000, 0.61e9, 5.39e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientnet_lite2", 260, 1.0, 1000, 899e6, 6.1e6, 2, _LITE, per_normalised=_TFPROF),
    Published("efficientnet_lite2", 260, 1.0, 1000, 0.87e9, 6.06e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientnet_lite3", 280, 1.0, 1000, 1.44e9, 8.2e6, 2, _LITE, per_normalised=_TFPROF),
    Published("efficientnet_lite3", 280, 1.0, 1000, 1.40e9, 8.16e6, 1, _HAILO, per_output=_BIASES),
    Published("efficientnet_lite4", 300, 1.0, 1000, 2.64e9, 13.0e6, 2, _LITE, per_normalised=_TFPROF),
    Published("efficientnet_lite4", 300, 1.0, 1000, 2.58e9, 12.95e6, 1, _HAILO, per_output=_BIASES),
)
