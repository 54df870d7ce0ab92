"""Small models whose execution is not one straight line: control flow, variables, partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tflprof.model.build.detection import Options, post_processed
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.micro import FLOAT, IMAGE_SHAPE, Micro
from tflprof.model.build.variables import Variables

LOOPS = 3
"""Iterations of ``while_loop``."""

ANCHORS = 6
DETECTIONS = 3
CLASSES = 2

_DETECTION_OPTIONS: Options = {
    "detections_per_class": 1,
    "h_scale": 5.0,
    "max_classes_per_detection": 1,
    "max_detections": DETECTIONS,
    "nms_iou_threshold": 0.5,
    "nms_score_threshold": 0.1,
    "num_classes": CLASSES,
    "use_regular_nms": False,
    "w_scale": 5.0,
    "x_scale": 10.0,
    "y_scale": 10.0,
}


def if_else(net: Network) -> Sequence[Value]:
    """IF: ``condition`` chooses between a convolution and twice the input."""
    then, otherwise = net.branch("then"), net.branch("else")
    then.close(then.conv2d(then.input("then_in", IMAGE_SHAPE), "then_conv", 4, activation="NONE"))
    x = otherwise.input("else_in", IMAGE_SHAPE)
    otherwise.close(otherwise.add(x, x, "else_double"))
    condition = net.input("condition", (), "bool")
    y = net.conv2d(net.input("input", IMAGE_SHAPE), "conv", 4)
    options = {"then_subgraph_index": then.graph.index, "else_subgraph_index": otherwise.graph.index}
    chosen = net.apply("IF", [condition, y], "chosen", y.shape, options, like=y)
    return [net.softmax(chosen, "output")]


def two_ifs(net: Network) -> Sequence[Value]:
    """Two IFs in a row, the second not using the first's result, and additions after them."""
    then, otherwise = net.branch("then"), net.branch("else")
    for branch, name in ((then, "twice"), (otherwise, "doubled")):
        x = branch.input(f"{name}_in", IMAGE_SHAPE)
        branch.close(branch.add(x, x, name))
    condition, x = net.input("condition", (), "bool"), net.input("input", IMAGE_SHAPE)
    options = {"then_subgraph_index": then.graph.index, "else_subgraph_index": otherwise.graph.index}
    first, second = (
        net.apply("IF", [condition, x], name, x.shape, options, like=x) for name in ("first", "second")
    )
    return [net.add(net.add(first, second, "sum"), x, "output")]


def while_loop(net: Network) -> Sequence[Value]:
    """WHILE: the input goes through the same depthwise convolution three times."""
    condition, body = net.branch("condition"), net.branch("body")
    count = condition.input("condition_count", (1,), "int32")
    condition.input("condition_x", IMAGE_SHAPE)
    flag = Value(-1, (), "bool", None, 1.0)
    limit = condition.ints("limit", (LOOPS,))
    condition.close(condition.apply("LESS", [count, limit], "go_on", (1,), {}, like=flag))
    count, x = body.input("body_count", (1,), "int32"), body.input("body_x", IMAGE_SHAPE)
    following = body.apply("ADD", [count, body.ints("one", (1,))], "next_count", (1,), {}, like=count)
    body.close(following, body.depthwise_conv2d(x, "next_x", activation="NONE"))
    start = net.input("input", IMAGE_SHAPE)
    outputs = [net.graph.tensor("count", (1,), "int32"), net.graph.tensor("output", IMAGE_SHAPE)]
    options = {"cond_subgraph_index": condition.graph.index, "body_subgraph_index": body.graph.index}
    net.connect("WHILE", [net.ints("zero", (0,)), start], outputs, options)
    return [Value(outputs[1], IMAGE_SHAPE, "float32", None, 1.0)]


def nested_control(net: Network) -> Sequence[Value]:
    """A WHILE whose body runs an IF: the first round convolves, the others double."""
    condition, body = net.branch("condition"), net.branch("body")
    then, otherwise = net.branch("then"), net.branch("else")
    flag = Value(-1, (), "bool", None, 1.0)
    count = condition.input("condition_count", (1,), "int32")
    condition.input("condition_x", IMAGE_SHAPE)
    condition.close(
        condition.apply("LESS", [count, condition.ints("limit", (LOOPS,))], "go_on", (1,), like=flag)
    )
    then.close(then.depthwise_conv2d(then.input("then_x", IMAGE_SHAPE), "convolved", activation="NONE"))
    x = otherwise.input("else_x", IMAGE_SHAPE)
    otherwise.close(otherwise.add(x, x, "doubled"))
    count, x = body.input("body_count", (1,), "int32"), body.input("body_x", IMAGE_SHAPE)
    is_first = body.apply("LESS", [count, body.ints("one", (1,))], "is_first", (1,), like=flag)
    options = {"then_subgraph_index": then.graph.index, "else_subgraph_index": otherwise.graph.index}
    chosen = body.apply("IF", [is_first, x], "chosen", IMAGE_SHAPE, options, like=x)
    body.close(body.apply("ADD", [count, body.ints("step", (1,))], "next_count", (1,), like=count), chosen)
    start = net.input("input", IMAGE_SHAPE)
    outputs = [net.graph.tensor("count", (1,), "int32"), net.graph.tensor("output", IMAGE_SHAPE)]
    options = {"cond_subgraph_index": condition.graph.index, "body_subgraph_index": body.graph.index}
    net.connect("WHILE", [net.ints("zero", (0,)), start], outputs, options)
    return [Value(outputs[1], IMAGE_SHAPE, "float32", None, 1.0)]


def call_once(net: Network) -> Sequence[Value]:
    """CALL_ONCE fills a variable with 0, 1, 2, 3; every inference adds it to the input."""
    variables = Variables(net)
    x = net.input("input", (4,))
    _, offset = variables.read("offset", np.arange(4, dtype=np.float32), x)
    return [net.add(x, offset, "output")]


def two_partitions(net: Network) -> Sequence[Value]:
    """Two partitions of two kernels each, on both sides of an operator XNNPACK refuses."""
    x = net.conv2d(net.input("input", IMAGE_SHAPE), "conv_0", 8)
    x = net.depthwise_conv2d(x, "conv_1")
    x = _refused(net, x, "between")
    x = net.conv2d(x, "conv_2", 8, 1)
    return [net.depthwise_conv2d(x, "output")]


def crossed_partitions(net: Network) -> Sequence[Value]:
    """Two branches, each cut by a refused operator: the partitions run out of file order."""
    x = net.input("input", IMAGE_SHAPE)
    ends = []
    for side in ("left", "right"):
        y = net.conv2d(x, f"{side}_0", 8)
        y = _refused(net, y, f"{side}_between")
        ends.append(net.conv2d(y, f"{side}_1", 8, 1))
    return [net.add(ends[0], ends[1], "output")]


def detection(net: Network) -> Sequence[Value]:
    """A custom operator: TFLite_Detection_PostProcess, non-maximum suppression included."""
    boxes, scores = net.input("boxes", (1, ANCHORS, 4)), net.input("scores", (1, ANCHORS, CLASSES + 1))
    centres = np.linspace(0.1, 0.9, ANCHORS, dtype=np.float32)
    anchors = np.stack([centres, centres, np.full_like(centres, 0.1), np.full_like(centres, 0.1)], axis=1)
    return post_processed(net, boxes, scores, anchors, _DETECTION_OPTIONS)


def two_signatures(net: Network) -> Sequence[Value]:
    """Two entry points: ``serving_default`` convolves, ``double`` adds the input to itself."""
    double = net.branch("double")
    x = double.input("double_in", (1, 4))
    double.close(double.add(x, x, "doubled"))
    net.writer.signature(double.graph, "double", {"x": x.index}, {"y": double.graph.outputs[0]})
    return [net.conv2d(net.input("input", IMAGE_SHAPE), "output", 8)]


def shared_weights(net: Network) -> Sequence[Value]:
    """Two entry points with one set of weights: ``serving_default`` classifies, ``features`` does not."""
    x = net.input("input", (1, 16))
    hidden = net.fully_connected(x, "hidden", 8, "RELU")
    other = net.branch("features")
    y = other.input("features_in", (1, 16))
    constants = [other.graph.shared(net.graph, index) for index in (x.index + 1, x.index + 2)]
    options = {"fused_activation_function": "RELU"}
    result = other.apply("FULLY_CONNECTED", [y, *constants], "features_out", (1, 8), options, like=hidden)
    other.close(result)
    net.writer.signature(other.graph, "features", {"x": y.index}, {"y": result.index})
    return [net.softmax(net.fully_connected(hidden, "logits", 4), "output")]


def dynamic_size(net: Network) -> Sequence[Value]:
    """Height and width known only at run time: resize the input before allocating."""
    x = net.input("input", (1, -1, -1, 3))
    template = net.expected(1.0)
    drawn = net.rng.standard_normal((4, 3, 3, 3), np.float32) / np.float32(27**0.5)
    weights = net.weights(x, "output", drawn, np.zeros(4, np.float32), 0)
    options = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    return [net.apply("CONV_2D", [x, *weights], "output", (1, -1, -1, 4), options, like=template)]


def dynamic_batch(net: Network) -> Sequence[Value]:
    """A batch dimension known only at run time: resize the input before allocating."""
    x = net.fully_connected(net.input("input", (-1, 16)), "hidden", 8, "RELU")
    return [net.softmax(net.fully_connected(x, "logits", 4), "output")]


def stateful(net: Network) -> Sequence[Value]:
    """A variable tensor: SVDF, a recurrent cell that remembers its last inputs."""
    x = net.input("input", (1, 4))
    features = net.graph.constant("features", net.rng.standard_normal((3, 4), np.float32))
    time = net.graph.constant("time", net.rng.standard_normal((3, 2), np.float32))
    state = net.graph.tensor("state", (1, 6), variable=True)
    return [net.apply("SVDF", [x, features, time, -1, state], "output", (1, 3), {"rank": 1}, like=x)]


def _refused(net: Network, x: Value, name: str) -> Value:
    return net.apply(
        "CUMSUM", [x, net.graph.constant(f"{name}/axis", np.int32(1))], name, x.shape, {}, like=x
    )


_BUILDERS: tuple[Callable[[Network], Sequence[Value]], ...] = (
    if_else, two_ifs, while_loop, nested_control, call_once, two_partitions, crossed_partitions, detection,
    two_signatures, shared_weights, dynamic_batch, dynamic_size, stateful,
)  # fmt: skip

CONTROL: dict[str, Micro] = {build.__name__: Micro(build, FLOAT) for build in _BUILDERS}
"""Models of this file by name."""
