"""A network -> an ONNX graph for processors: all of a batch's tokens in one matrix, and no work whose result is unused.

Inputs `ids` [texts, longest] and `lengths` [texts]; output `chances` [texts, classes] in [0, 1]. The last block is
worked out for each text's first token only, since only that one is classified. Needs the package `onnx`.

In int8, weights have one scale an output (per channel) and activations one a token, measured as they come: so a
text's scores do not depend on the texts beside it, and one loud token does not blur the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

from moderation.scoring.network import Block, Dense, Network, Norm

ONNX_OPERATORS, FORMAT = 18, 10
EXTRA = "com.microsoft"
LIMIT = 127
SMALLEST = 1e-9


def write_graph(network: Network, int8: bool) -> ModelProto:
    """The graph with its weights inside."""
    writer = _Int8Writer() if int8 else _Writer()
    found = writer.classes(network)
    graph = helper.make_graph(
        writer.nodes,
        "detoxify",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "longest"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["texts"]),
        ],
        [helper.make_tensor_value_info(found, TensorProto.FLOAT, ["texts", len(network.classes.bias)])],
        list(writer.weights.values()),
    )
    operators = [helper.make_opsetid("", ONNX_OPERATORS), helper.make_opsetid(EXTRA, 1)]
    return helper.make_model(graph, opset_imports=operators, ir_version=FORMAT, producer_name="tenth")


class _Writer:
    """Full precision. Values are named by the node that makes them; a weight used twice is kept once."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: dict[int | str, Any] = {}
        self._held: list[npt.NDArray[Any]] = []  # arrays are known by their identity, so none may go meanwhile

    def classes(self, network: Network) -> str:
        width = len(network.pooled.weight)
        self.flat = self.whole("flat", [-1, width])
        shape = self.node("Shape", ["ids"])
        texts = self.node("Slice", [shape, self.whole("first", [0]), self.whole("second", [1])])
        every = self.node("Concat", [shape, self.whole("width", [width])], axis=0)
        one = self.node("Concat", [texts, self.whole("one row", [1, width])], axis=0)
        rows = self.node("Reshape", [self.embedded(network), self.flat])
        for block in network.blocks[:-1]:
            rows = self.block(network, block, rows, rows, every, every)
        firsts = self.node("Gather", [self.node("Reshape", [rows, every]), self.whole("place", 0)], axis=1)
        rows = self.block(network, network.blocks[-1], firsts, rows, one, every)
        pooled = self.node("Tanh", [self.dense(network.pooled, rows)])
        return self.node("Sigmoid", [self.dense(network.classes, pooled)], out="chances")

    def embedded(self, network: Network) -> str:
        longest = self.node("Shape", ["ids"], start=1)
        places = self.node("Slice", [self.weight(network.places), self.whole("first", [0]), longest])
        found = self.node("Add", [self.words(network), places])
        found = self.norm(network.embedded_norm, found, network.epsilon)
        return self.dense(network.widening, found) if network.widening else found

    def words(self, network: Network) -> str:
        return self.node("Gather", [self.weight(network.words), "ids"])

    def block(self, network: Network, block: Block, asking: str, rows: str, asked: str, told: str) -> str:
        """`asking` rows attend to `rows`; `asked` and `told` are their shapes by text."""
        seen = self.prepared(rows)
        query = self.product(block.query, seen if asking is rows else self.prepared(asking))
        parts = [self.node("Reshape", [query, asked])]
        parts += [self.node("Reshape", [self.product(part, seen), told]) for part in (block.key, block.value)]
        bias = np.concatenate([part.bias for part in (block.query, block.key, block.value)])
        attended = self.node(
            "MultiHeadAttention", [*parts, self.weight(bias), "lengths"], domain=EXTRA, num_heads=network.heads
        )
        attended = self.node("Reshape", [attended, self.flat])
        rows = self.summed(block.attended, attended, asking, block.attended_norm, network.epsilon)
        gelu = "BiasGelu" if network.exact_gelu else "FastGelu"
        inner = self.product(block.inner, self.prepared(rows))
        inner = self.node(gelu, [inner, self.weight(block.inner.bias)], domain=EXTRA)
        return self.summed(block.outer, inner, rows, block.outer_norm, network.epsilon)

    def summed(self, layer: Dense, inputs: str, beside: str, norm: Norm, epsilon: float) -> str:
        found = self.node("Add", [self.product(layer, self.prepared(inputs)), self.weight(layer.bias)])
        return self.norm(norm, self.node("Add", [found, beside]), epsilon)

    def norm(self, norm: Norm, inputs: str, epsilon: float) -> str:
        named = [inputs, self.weight(norm.scale), self.weight(norm.shift)]
        return self.node("LayerNormalization", named, axis=-1, epsilon=epsilon)

    def dense(self, layer: Dense, inputs: str) -> str:
        """Small layers stay in full precision."""
        return self.node("Add", [self.node("MatMul", [inputs, self.weight(layer.weight)]), self.weight(layer.bias)])

    def prepared(self, rows: str) -> tuple[str, ...]:
        """Rows as `product` wants them; prepared once where several products share them."""
        return (rows,)

    def product(self, layer: Dense, prepared: Sequence[str]) -> str:
        return self.node("MatMul", [*prepared, self.weight(layer.weight)])

    def node(self, kind: str, inputs: Sequence[str], out: str = "", domain: str = "", **options: Any) -> str:
        name = out or f"{kind} {len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **options))
        return name

    def weight(self, value: npt.NDArray[Any]) -> str:
        self._held.append(value)
        return self._kept(id(value), value, f"weight {len(self.weights)}")

    def whole(self, name: str, value: int | list[int]) -> str:
        return self._kept(name, np.array(value, np.int64), name)

    def _kept(self, key: int | str, value: npt.NDArray[Any], name: str) -> str:
        if key not in self.weights:
            self.weights[key] = numpy_helper.from_array(value, name)
        return str(self.weights[key].name)


class _Int8Writer(_Writer):
    """Products in int8: round(row / scale of the row) times round(weight / scale of the output)."""

    def __init__(self) -> None:
        super().__init__()
        self._halves: dict[int, tuple[str, str]] = {}

    def words(self, network: Network) -> str:
        scale = _scale(network.words, axis=1)
        rows = self.node("Gather", [self.weight(_whole(network.words, scale)), "ids"])
        rows = self.node("Cast", [rows], to=TensorProto.FLOAT)
        return self.node("Mul", [rows, self.node("Gather", [self.weight(scale), "ids"])])

    def prepared(self, rows: str) -> tuple[str, ...]:
        """Bytes around 128, and each row's scale as a column."""
        peaks = self.node("ReduceMax", [self.node("Abs", [rows]), self.whole("last axis", [-1])], keepdims=0)
        scale = self.node("Mul", [peaks, self._number("1/127", np.float32(1 / LIMIT))])
        scale = self.node("Max", [scale, self._number("smallest", np.float32(SMALLEST))])
        middle = numpy_helper.from_array(np.array([128], np.uint8))
        zeros = self.node("ConstantOfShape", [self.node("Shape", [scale])], value=middle)
        return (
            self.node("QuantizeLinear", [rows, scale, zeros], axis=0),
            self.node("Unsqueeze", [scale, self.whole("last axis", [-1])]),
        )

    def product(self, layer: Dense, prepared: Sequence[str]) -> str:
        rows, row_scale = prepared
        weight, scale = self._halved(layer.weight)
        unit, middle = self._number("unit", np.float32(1)), self._number("middle", np.uint8(128))
        found = self.node("MatMulIntegerToFloat", [rows, weight, unit, scale, middle], domain=EXTRA)
        return self.node("Mul", [found, row_scale])

    def _halved(self, weight: npt.NDArray[np.float32]) -> tuple[str, str]:
        if id(weight) not in self._halves:
            scale = _scale(weight, axis=0)
            self._halves[id(weight)] = self.weight(_whole(weight, scale)), self.weight(scale[0])
        return self._halves[id(weight)]

    def _number(self, name: str, value: Any) -> str:
        return self._kept(name, np.asarray(value), name)


def _scale(values: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    peaks = np.abs(values).max(axis=axis, keepdims=True)
    found: npt.NDArray[np.float32] = np.maximum(peaks / np.float32(LIMIT), np.float32(SMALLEST))
    return found


def _whole(values: npt.NDArray[np.float32], scale: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    found: npt.NDArray[np.int8] = np.rint(values / scale).astype(np.int8)
    return found
