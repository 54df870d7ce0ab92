"""BERT-Tiny: token embeddings and two transformer blocks, as converters write them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tflprof.model.build.blocks import decisive
from tflprof.model.build.layers import Network, Value
from tflprof.model.build.weights import quantised
from tflprof.model.graph import Quantisation

VOCABULARY = 30522
HIDDEN = 128
HEAD = 64
BLOCKS = 2
MAX_TOKENS = 512
EXPANSION = 4
"""Sizes of BERT-Tiny (arXiv 1908.08962, table 1): 4,385,920 parameters at 512 tokens, both segments."""

_EPSILON = 1e-12
_GELU_SQUARE = 0.425
"""Mean square of GELU of a standard normal variable."""

_PLAIN = {"fused_activation_function": "NONE"}


def bert_tiny(tokens: int, width: float, dtype: str, seed: int, classes: int) -> bytes:
    """BERT-Tiny over ``tokens`` tokens with a classifier; ``width`` multiplies the hidden size."""
    net = Network(f"BERT-Tiny {width:g} {tokens} {dtype}", dtype, seed)
    hidden = max(1, round(HIDDEN * width / HEAD)) * HEAD
    x = _embedded(net, tokens, hidden)
    for number in range(BLOCKS):
        x = _block(net, x, f"block_{number}")
    first = _first_token(net, x)
    pooled = net.fully_connected(first, "pooler", hidden)
    square = 0.4 if pooled.quantisation else pooled.mean_square
    like = Value(-1, (), x.dtype, _UNIT_BALL if pooled.quantisation else None, square)
    pooled = net.apply("TANH", [pooled], "pooler_tanh", pooled.shape, {}, like=like)
    logits = net.fully_connected(pooled, "logits", classes, draw=decisive(pooled))
    return net.finish(net.softmax(logits, "probabilities"))


_UNIT_BALL = Quantisation("tensor", (1 / 128,), (0,))
"""What the runtime demands of tanh in int8: -1 to 1."""


def _embedded(net: Network, tokens: int, hidden: int) -> Value:
    """Embeddings of tokens and positions and that of the only segment, added and normalised."""
    ids = net.input("input_ids", (1, tokens), "int32")
    x = _looked_up(net, ids, "token_embedding", VOCABULARY, hidden)
    for name, rows in (("segment", 1), ("position", tokens)):
        embedding = net.operand(f"{name}_embedding", _table(net, rows, hidden)[np.newaxis])
        like = net.expected(x.mean_square + 1 / 3)
        x = net.apply("ADD", [x, embedding], f"{name}_added", x.shape, _PLAIN, like=like)
    return _layer_norm(net, x, "embedding")


def _table(net: Network, rows: int, hidden: int) -> npt.NDArray[np.float32]:
    return net.rng.standard_normal((rows, hidden), np.float32) * np.float32(3**-0.5)


def _looked_up(net: Network, ids: Value, name: str, rows: int, hidden: int) -> Value:
    """Rows of a table: GATHER, or EMBEDDING_LOOKUP for integers with one scale per row."""
    table, tokens = _table(net, rows, hidden), ids.shape[1]
    shape = (1, tokens, hidden)
    like = net.expected(1 / 3)
    if net.dtype not in ("dynamic", "int4"):
        values = net.operand(f"{name}/table", table, like.quantisation)
        return net.apply("GATHER", [values, ids], name, shape, {"axis": 0}, like=like)
    stored = "int4" if net.dtype == "int4" else "int8"
    values, _ = quantised(net.graph, f"{name}/table", table, 0, stored)
    flat = net.reshape(ids, f"{name}/ids", (tokens,))
    found = net.apply("EMBEDDING_LOOKUP", [flat, values], f"{name}/rows", (tokens, hidden), {}, like=like)
    return net.reshape(found, name, shape)


def _block(net: Network, x: Value, name: str) -> Value:
    """Self-attention and a feed-forward part, each added to its input and normalised."""
    x = _layer_norm(
        net, net.add(x, _attention(net, x, f"{name}_attention"), f"{name}_add_0"), f"{name}_norm_0"
    )
    y = net.fully_connected(x, f"{name}_expand", x.shape[2] * EXPANSION)
    range_ = Quantisation("tensor", (5 / 255,), (-118,)) if y.quantisation else None
    like = Value(-1, (), y.dtype, range_, _GELU_SQUARE)
    y = net.apply("GELU", [y], f"{name}_gelu", y.shape, {"approximate": False}, like=like)
    y = net.fully_connected(y, f"{name}_project", x.shape[2])
    return _layer_norm(net, net.add(x, y, f"{name}_add_1"), f"{name}_norm_1")


def _attention(net: Network, x: Value, name: str) -> Value:
    _, tokens, hidden = x.shape
    heads = hidden // HEAD
    query, key, value = (_heads(net, x, f"{name}_{part}", heads) for part in ("query", "key", "value"))
    square = (1, heads, tokens, tokens)
    like = net.expected(HEAD * query.mean_square * key.mean_square)
    scores = net.apply("BATCH_MATMUL", [query, key], f"{name}_scores", square, {"adj_y": True}, like=like)
    factor = net.operand(f"{name}_factor", np.asarray(HEAD**-0.5, np.float32))
    like = net.expected(scores.mean_square / HEAD)
    scores = net.apply("MUL", [scores, factor], f"{name}_scaled", square, _PLAIN, like=like)
    weights = net.softmax(scores, f"{name}_weights")
    # Weights of normal scores are log-normal; the mean square of their sum to one is e / tokens.
    like = net.expected(value.mean_square * min(1.0, math.e / tokens))
    y = net.apply("BATCH_MATMUL", [weights, value], f"{name}_mixed", value.shape, {}, like=like)
    y = _transposed(net, y, f"{name}_together")
    return net.fully_connected(net.reshape(y, f"{name}_joined", x.shape), f"{name}_output", hidden)


def _heads(net: Network, x: Value, name: str, heads: int) -> Value:
    """A projection of ``x``, split into heads: 1, heads, tokens, channels."""
    y = net.fully_connected(x, name, x.shape[2])
    y = net.reshape(y, f"{name}_split", (1, x.shape[1], heads, HEAD))
    return _transposed(net, y, f"{name}_heads")


def _transposed(net: Network, x: Value, name: str) -> Value:
    shape = (x.shape[0], x.shape[2], x.shape[1], x.shape[3])
    return net.apply("TRANSPOSE", [x, net.ints(f"{name}/order", (0, 2, 1, 3))], name, shape, {}, like=x)


def _first_token(net: Network, x: Value) -> Value:
    bounds = {"begin": (0, 0, 0), "end": (1, 1, x.shape[2]), "strides": (1, 1, 1)}
    inputs: list[Value | int] = [x, *(net.ints(f"first/{key}", values) for key, values in bounds.items())]
    shape = (1, x.shape[2])
    return net.apply("STRIDED_SLICE", inputs, "first", shape, {"shrink_axis_mask": 2}, like=x)


def _layer_norm(net: Network, x: Value, name: str) -> Value:
    """Layer normalisation as converters spell it: ten operators, channels last."""
    hidden, square = x.shape[2], x.mean_square
    row = (*x.shape[:2], 1)
    mean = _over_channels(net, x, f"{name}_mean", net.expected(square / hidden))
    like = _positive(net, 20 * square, 3 * square**2)
    y = net.apply("SQUARED_DIFFERENCE", [x, mean], f"{name}_squares", x.shape, {}, like=like)
    y = _over_channels(net, y, f"{name}_variance", _positive(net, 2 * square, square**2))
    epsilon = net.operand(f"{name}_epsilon", np.asarray(_EPSILON, np.float32))
    y = net.apply("ADD", [y, epsilon], f"{name}_stable", row, _PLAIN, like=y)
    like = _positive(net, 2 / square**0.5, 1 / square)
    y = net.apply("RSQRT", [y], f"{name}_rsqrt", row, {}, like=like)
    gamma = net.operand(f"{name}_gamma", net.rng.uniform(0.9, 1.1, hidden).astype(np.float32))
    like = _positive(net, 2.2 / square**0.5, 1 / square)
    scale = net.apply("MUL", [y, gamma], f"{name}_scale", x.shape, _PLAIN, like=like)
    scaled = net.apply("MUL", [x, scale], f"{name}_scaled", x.shape, _PLAIN, like=net.expected(1.0))
    like = net.expected(1 / hidden)
    shift = net.apply("MUL", [mean, scale], f"{name}_shift", x.shape, _PLAIN, like=like)
    beta = net.operand(f"{name}_beta", net.rng.uniform(-0.1, 0.1, hidden).astype(np.float32))
    offset = net.apply("SUB", [beta, shift], f"{name}_offset", x.shape, _PLAIN, like=like)
    return net.apply("ADD", [scaled, offset], name, x.shape, _PLAIN, like=net.expected(1.0))


def _over_channels(net: Network, x: Value, name: str, like: Value) -> Value:
    inputs: list[Value | int] = [x, net.ints(f"{name}/axes", (2,))]
    return net.apply("MEAN", inputs, name, (*x.shape[:2], 1), {"keep_dims": True}, like=like)


def _positive(net: Network, largest: float, mean_square: float) -> Value:
    """A template for values from 0 to ``largest``."""
    quantisation = Quantisation("tensor", (largest / 255,), (-128,)) if net.dtype == "int8" else None
    return Value(-1, (), net.activations, quantisation, mean_square)
