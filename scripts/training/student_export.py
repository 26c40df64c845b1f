"""The trained student as an ONNX file of eight-bit weights, written node by node: the same student, the same bytes.

Activations are quantised with fixed scales, one for each channel, found on training texts beforehand: a text's score
does not depend on which texts stand beside it. How much of a channel's spread its weights take over follows
SmoothQuant (Xiao et al. 2022). Weights keep to seven bits, so that no processor's eight-bit sums overflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from moderation.scoring.encoder import EXPLAINED, PAD
from training.student import HEADS, WIDTH, Layer, Student

Floats = npt.NDArray[np.float32]
WEIGHT_TOP, MIDDLE, TOP = 63, 128, 255
OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
FAR = -1e4
EVENED = 0.85


@contextmanager
def _watched(student: Student) -> Iterator[dict[nn.Module, Floats]]:
    """The largest value that each channel of a layer's inputs takes, while texts run through."""
    found: dict[nn.Module, Floats] = {}

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        highest = inputs[0].detach().abs().flatten(0, 1).amax(0).numpy()
        found[module] = np.maximum(found.get(module, highest), highest)

    hooks = [
        part.register_forward_pre_hook(look)
        for layer in student.encoder.layers
        for part in (layer.query, layer.mixed, layer.inner, layer.outer)
    ]
    yield found
    for hook in hooks:
        hook.remove()


def spreads(student: Student, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[nn.Module, Floats]:
    with _watched(student) as found, torch.no_grad():
        for tokens, mask in batches:
            student(tokens, mask)
    return found


class Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._count = 0

    def keep(self, value: npt.NDArray[np.generic]) -> str:
        self._count += 1
        name = f"c{self._count}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", outputs: int = 1, **settings: Any) -> list[str]:
        self._count += 1
        names = [f"v{self._count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **settings))
        return names

    def one(self, kind: str, *inputs: str, domain: str = "", **settings: Any) -> str:
        return self.add(kind, *inputs, domain=domain, **settings)[0]

    def close(self, outputs: dict[str, str]) -> None:
        """Give values their final names."""
        for name, value in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))


def export(student: Student, spread: dict[nn.Module, Floats]) -> onnx.ModelProto:
    """`tokens` (texts, tokens) int64 -> `logits` (texts, outputs), `added` (texts, tokens, EXPLAINED): what each token
    adds to the first logits."""
    graph = Graph()
    states, present = _embedded(graph, student)
    for layer in student.encoder.layers:
        states = _layer(graph, layer, states, present, spread)
    _judged(graph, student, states, present)
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["texts", "length"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", student.value.out_features])
    added = helper.make_tensor_value_info("added", TensorProto.FLOAT, ["texts", "length", EXPLAINED])
    whole = helper.make_graph(graph.nodes, "careful", [tokens], [logits, added], graph.constants)
    model = helper.make_model(whole, opset_imports=OPSET, ir_version=8, producer_name="tenth")
    onnx.checker.check_model(model)
    return model


def written(model: onnx.ModelProto, notes: Mapping[str, object]) -> bytes:
    """The file's bytes, with what the scorer must know beside the network."""
    del model.metadata_props[:]
    model.metadata_props.add(key="tenth", value=json.dumps(notes, sort_keys=True))
    raw: bytes = model.SerializeToString(deterministic=True)
    return raw


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.detach().float().numpy()
    return found


def _embedded(graph: Graph, student: Student) -> tuple[str, str]:
    """States of the tokens before the first layer, and 1 where a token stands."""
    encoder = student.encoder
    table = _array(encoder.words.weight)
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-9).astype(np.float32)
    rows = graph.one("Gather", graph.keep(np.round(table / scale).astype(np.int8)), "tokens")
    scales = graph.one("Gather", graph.keep(scale), "tokens")
    words = graph.one("Mul", graph.one("Cast", rows, to=TensorProto.FLOAT), scales)
    length = graph.one("Slice", graph.one("Shape", "tokens"), graph.keep(np.array([1])), graph.keep(np.array([2])))
    places = graph.one("Slice", graph.keep(_array(encoder.positions)), graph.keep(np.array([0])), length)
    norm = [graph.keep(_array(part)) for part in (encoder.norm.weight, encoder.norm.bias)]
    epsilon = encoder.norm.eps
    states = graph.one("LayerNormalization", graph.one("Add", words, places), *norm, axis=-1, epsilon=epsilon)
    padded = graph.one("Equal", "tokens", graph.keep(np.array(PAD)))
    return states, graph.one("Cast", graph.one("Not", padded), to=TensorProto.INT32)


def _layer(graph: Graph, layer: Layer, states: str, present: str, spread: dict[nn.Module, Floats]) -> str:
    whole = _product(graph, states, [layer.query, layer.key, layer.value], spread[layer.query])
    parts = graph.add("Split", whole, graph.keep(np.array([WIDTH] * 3)), outputs=3, axis=-1)
    found = graph.one("MultiHeadAttention", *parts, "", present, domain="com.microsoft", num_heads=HEADS)
    states = _normed(graph, states, _product(graph, found, [layer.mixed], spread[layer.mixed]), layer.norm_attention)
    grown = graph.one("Gelu", _product(graph, states, [layer.inner], spread[layer.inner]), domain="com.microsoft")
    return _normed(graph, states, _product(graph, grown, [layer.outer], spread[layer.outer]), layer.norm_output)


def _normed(graph: Graph, states: str, more: str, norm: nn.LayerNorm) -> str:
    gain, shift = (graph.keep(_array(part)) for part in (norm.weight, norm.bias))
    return graph.one("LayerNormalization", graph.one("Add", states, more), gain, shift, axis=-1, epsilon=norm.eps)


def _product(graph: Graph, states: str, linears: Sequence[nn.Linear], spread: Floats) -> str:
    """States times one or more matrices side by side, in eight bits."""
    weight = np.concatenate([_array(linear.weight) for linear in linears]).T
    bias = np.concatenate([_array(linear.bias) for linear in linears])
    share, step = shares(spread, weight)
    table, table_scale = seven_bits(weight * share[:, None])
    evened = graph.one("Mul", states, graph.keep(1 / share))
    middle, size = graph.keep(np.array(MIDDLE, np.uint8)), graph.keep(np.array(step, np.float32))
    small = graph.one("QuantizeLinear", evened, size, middle)
    inputs = [small, graph.keep(table), size, graph.keep(table_scale), middle, ""]
    return graph.one("MatMulIntegerToFloat", *inputs, graph.keep(bias), domain="com.microsoft")


def shares(spread: Floats, weight: Floats) -> tuple[Floats, float]:
    """What each channel is divided by, most of its spread being left to its weights, and the step of all of them."""
    spread, widest = np.maximum(spread, 1e-3), np.maximum(np.abs(weight).max(axis=1), 1e-5)
    share: Floats = (spread**EVENED / widest ** (1 - EVENED)).astype(np.float32)
    return share, float((spread / share).max() / (TOP - MIDDLE))


def seven_bits(weight: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """One scale for each column."""
    scale = np.maximum(np.abs(weight).max(axis=0) / WEIGHT_TOP, 1e-12).astype(np.float32)
    return np.round(weight / scale).astype(np.int8), scale


def _judged(graph: Graph, student: Student, states: str, present: str) -> None:
    outputs = student.value.out_features
    both = np.concatenate([_array(student.attention.weight), _array(student.value.weight)]).T
    heed, value = graph.add(
        "Split", graph.one("MatMul", states, graph.keep(both)), graph.keep(np.array([outputs] * 2)), outputs=2, axis=-1
    )
    there = graph.one("Unsqueeze", graph.one("Cast", present, to=TensorProto.FLOAT), graph.keep(np.array([2])))
    absent = graph.one("Sub", graph.keep(np.array(1, np.float32)), there)
    hidden = graph.one("Mul", absent, graph.keep(np.array(FAR, np.float32)))
    added = graph.one("Mul", graph.one("Softmax", graph.one("Add", heed, hidden), axis=1), value)
    total = graph.one("ReduceSum", added, graph.keep(np.array([1])), keepdims=0)
    ends = [graph.keep(np.array([place])) for place in (0, EXPLAINED, 2)]
    first = graph.one("Slice", added, *ends)
    graph.close({"logits": graph.one("Add", total, graph.keep(_array(student.value.bias))), "added": first})
