"""Detoxify's own `predict` and our run of the same network, on the same texts, side by side."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moderation.evaluation.functional import LANGUAGES, functional_suite
from moderation.scoring.cores import cores
from moderation.scoring.detoxify import Loaded, Predictor, load
from moderation.scoring.export import write_form
from moderation.scoring.network import read_network
from moderation.scoring.onnx_detoxify import OnnxReader
from service.bench.networks import needed_per_token, products_per_token, write_checkpoint
from service.sandbox.writer import build_story

Say = Callable[[str], None]
BATCHES = (1, 16, 64)
ROUNDS = 3
TRIAL = 8
SUITE, MIXED = "functional suite", "mixed lengths"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
#: Texts of the mixed set: short ones of the suite, single messages of the sandbox, whole conversations as one post.
SHARES = (28, 30, 6)
#: Characters of a whole conversation.
LONG = range(300, 1200)


@dataclass(frozen=True, slots=True)
class Speed:
    """Texts a second, and texts a second of processor time: the latter holds on a machine that has other work, too."""

    texts_per_s: float
    texts_per_core_s: float


@dataclass(frozen=True, slots=True)
class Predicted:
    """`predict` at one batch size, with the better of one thread and one for each core."""

    batch: int
    threads: int
    speed: Speed


@dataclass(frozen=True, slots=True)
class Compared:
    """One network on one set of texts. Speeds are with all cores; `tokens` counts no padding.

    `ratio` is ours in int8 to `predict` at its best batch size; `ratio_per_core` the same by processor time. `limit` is
    what the ratio would be, if ours did nothing but the products that it needs, as fast as this machine can: no way of
    running the network in int8 is above it.
    """

    network: str
    weights: str
    texts: str
    count: int
    tokens: int
    predict: tuple[Predicted, ...]
    int8: Speed
    int8_one_core: Speed
    fp32: Speed
    ratio: float
    ratio_per_core: float
    limit: float
    predict_gflops: float
    int8_gops: float


def named_texts(name: str) -> list[str]:
    """One of the named sets, in an order as they might arrive."""
    suite = [case.text for language in LANGUAGES for case in functional_suite(language)]
    if name == SUITE:
        return _spread(suite, sum(SHARES))
    talks = build_story(NOON, 1).conversations
    messages = [line.text for talk in talks for line in talk.lines]
    whole = ["\n".join(line.text for line in talk.lines) for talk in talks]
    parts = zip((suite, messages, [text for text in whole if len(text) in LONG]), SHARES, strict=True)
    found = [text for texts, count in parts for text in _spread(texts, count)]
    random.Random(1).shuffle(found)
    return found


def compare(which: str, sets: Sequence[str], int8_peak: float, say: Say) -> list[Compared]:
    """One network on some of the named sets. Writes about two gigabytes into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="tenth-bench-") as made:
        folder = Path(made)
        say(f"{which}: a network of the real size with random weights, loaded by Detoxify …")
        loaded = load(write_checkpoint(which, folder))
        network = read_network(loaded.predictor.model)
        int8, fp32 = (write_form(loaded, network, form, folder / form) for form in ("int8", "fp32"))
        one_core = OnnxReader(folder / "int8", int8.card, threads=1, remembered=0)
        return [_compared(loaded, (int8, one_core, fp32), name, int8_peak, say) for name in sets]


def _compared(
    loaded: Loaded, ours: tuple[OnnxReader, OnnxReader, OnnxReader], name: str, int8_peak: float, say: Say
) -> Compared:
    texts = named_texts(name)
    tokens = sum(len(ids) for ids in loaded.predictor.tokenizer(texts, truncation=True)["input_ids"])
    int8, one_core, fp32 = (_speed(reader.chances, texts, ROUNDS) for reader in ours)
    predicted = tuple(_predicted(loaded.predictor, texts, batch, say) for batch in BATCHES)
    best = max(one.speed.texts_per_s for one in predicted)
    thriftiest = max(one.speed.texts_per_core_s for one in predicted)
    products = products_per_token() * tokens / len(texts) / 1e9
    found = Compared(
        network=loaded.model,
        weights="random",
        texts=name,
        count=len(texts),
        tokens=tokens,
        predict=predicted,
        int8=int8,
        int8_one_core=one_core,
        fp32=fp32,
        ratio=round(int8.texts_per_s / best, 2),
        ratio_per_core=round(max(int8.texts_per_core_s, one_core.texts_per_core_s) / thriftiest, 2),
        limit=round(int8_peak / (needed_per_token() * tokens / len(texts) / 1e9) / best, 2),
        predict_gflops=round(best * products, 1),
        int8_gops=round(int8.texts_per_s * products, 1),
    )
    say(f"  {name}: {int8.texts_per_s:,.1f} texts/s in int8, {best:,.1f} by predict at its best: {found.ratio} times")
    return found


def _predicted(predictor: Predictor, texts: Sequence[str], batch: int, say: Say) -> Predicted:
    """The number of threads is chosen on a few of the texts."""
    import torch

    def predict(some: Sequence[str]) -> None:
        for start in range(0, len(some), batch):
            predictor.predict(list(some[start : start + batch]))

    def with_threads(threads: int, some: Sequence[str]) -> Speed:
        torch.set_num_threads(threads)
        return _speed(predict, some, 1)

    threads = max({1, cores()}, key=lambda threads: with_threads(threads, texts[:TRIAL]).texts_per_s)
    found = Predicted(batch, threads, with_threads(threads, texts))
    say(f"  predict, batches of {batch}: {found.speed.texts_per_s:,.1f} texts/s with {threads} threads")
    return found


def _speed(read: Callable[[Sequence[str]], Any], texts: Sequence[str], rounds: int) -> Speed:
    """The best of some rounds after a first few texts: whatever else the machine did only slowed it."""
    read(texts[:2])
    seconds, busy = [], []
    for _ in range(rounds):
        started, before = time.perf_counter(), time.process_time()
        read(texts)
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - before)
    return Speed(round(len(texts) / min(seconds), 2), round(len(texts) / min(busy), 2))


def _spread(texts: Sequence[str], count: int) -> list[str]:
    """So many texts from all over the list, each once."""
    unique = list(dict.fromkeys(texts))
    return [unique[place * len(unique) // count] for place in range(count)]
