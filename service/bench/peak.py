"""How fast this machine multiplies matrices of a network's shape: the roof over every figure of a scorer's speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from moderation.scoring.cores import cores
from service.bench.networks import INNER, WIDTH

ROWS = 512
ROUNDS, REPEATS = 5, 8


def fp32_peak() -> float:
    """Thousand million multiplications and additions a second, by torch on all cores."""
    import torch

    torch.set_num_threads(cores())
    rows, weights = torch.randn(ROWS, WIDTH), torch.randn(WIDTH, INNER)
    with torch.inference_mode():
        return _peak(lambda: torch.mm(rows, weights), 1)


def int8_peak() -> float:
    """The same by onnxruntime in int8, a product on each core side by side."""
    session = _int8_product()
    rows = np.random.default_rng(1).integers(0, 255, (ROWS, WIDTH), dtype=np.uint8)
    return _peak(lambda: session.run(None, {"rows": rows}), cores())


def _peak(product: Callable[[], Any], side_by_side: int) -> float:
    """The best of a few rounds: whatever else the machine did only slowed them."""
    with ThreadPoolExecutor(side_by_side) as pool:
        seconds = [_round(pool, product, side_by_side) for _ in range(ROUNDS)]
    return 2 * ROWS * WIDTH * INNER * REPEATS * side_by_side / min(seconds) / 1e9


def _round(pool: ThreadPoolExecutor, product: Callable[[], Any], side_by_side: int) -> float:
    started = time.perf_counter()
    for done in [pool.submit(lambda: [product() for _ in range(REPEATS)]) for _ in range(side_by_side)]:
        done.result()
    return time.perf_counter() - started


def _int8_product() -> Any:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(2).integers(-127, 127, (WIDTH, INNER), dtype=np.int8)
    kept = {"weights": weights, "unit": np.float32(1), "scale": np.ones(INNER, np.float32), "middle": np.uint8(128)}
    named = ["rows", "weights", "unit", "scale", "middle"]
    graph = helper.make_graph(
        [helper.make_node("MatMulIntegerToFloat", named, ["product"], domain="com.microsoft")],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, ["n", WIDTH])],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, ["n", INNER])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in kept.items()],
    )
    operators = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = helper.make_model(graph, opset_imports=operators, ir_version=10).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
