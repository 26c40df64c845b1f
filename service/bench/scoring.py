"""How fast texts are scored: the scorers in the box for themselves, and Detoxify's network beside Detoxify."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from moderation.errors import ScorerError
from moderation.evaluation.functional import LANGUAGES, functional_suite
from moderation.scoring import registry
from moderation.scoring.bands import members_of
from moderation.scoring.contract import Scorer, Text
from moderation.scoring.cores import cores
from service.bench.comparing import MIXED, NOON, SUITE, Compared, Say, compare
from service.bench.networks import missing, products_per_token
from service.selftest.texts import texts as story_texts

SETS = {"multilingual": (SUITE, MIXED), "original": (SUITE,)}
IN_THE_BOX = ("embedded", "careful")
BATCH, ROUNDS = 256, 3
SINGLES = 300


def bench_scoring(networks: Sequence[str], say: Say) -> dict[str, Any]:
    """Everything that can be measured here, and in words what cannot. `networks` are some of `networks.NETWORKS`."""
    found: dict[str, Any] = {"ratio_to_detoxify": None}
    absent = _box(found, say)
    lacking = missing()
    if lacking:
        absent.append(f"Detoxify: {lacking}")
    else:
        found |= _beside_detoxify(networks, say)
    return found | {"cores": cores(), "missing": absent}


def _beside_detoxify(networks: Sequence[str], say: Say) -> dict[str, Any]:
    """The ratio is that of the multilingual network on texts of mixed lengths, where it is measured."""
    from service.bench.peak import fp32_peak, int8_peak

    fp32, int8 = fp32_peak(), int8_peak()
    say(f"products on {cores()} cores: {fp32:,.0f} GFLOP/s in fp32 (torch), {int8:,.0f} Gop/s in int8 (onnxruntime)")
    compared: list[Compared] = [one for which in networks for one in compare(which, SETS[which], int8, say)]
    return {
        "ratio_to_detoxify": next((one.ratio for one in compared if one.texts == MIXED), None),
        "fp32_gflops": round(fp32, 1),
        "int8_gops": round(int8, 1),
        "products_per_token": products_per_token(),
        "compared": [asdict(one) for one in compared],
    }


def _box(found: dict[str, Any], say: Say) -> list[str]:
    """Adds the figures of the scorers in the box to `found`; says why one of them is missing."""
    texts = [Text(text) for text in story_texts(1, NOON)]
    texts += [Text(case.text) for language in LANGUAGES for case in functional_suite(language)]
    absent = []
    for name in (*IN_THE_BOX, "cascade"):
        try:
            scorer = registry.build(name)
        except ScorerError as error:
            absent.append(f"{name}: {error}")
            continue
        say(f"{name}: {len(texts):,} texts …")
        if name == "cascade":
            found["cascade_share"] = _shares(scorer, texts)
        else:
            found[f"{name}_per_core_s"] = round(_per_core_second(scorer, texts))
            found[f"{name}_single_calls_s"] = round(_single_calls(scorer, texts))
    return absent


def _per_core_second(scorer: Scorer, texts: Sequence[Text]) -> float:
    """Texts a second of processor time, in batches; the best of some rounds."""
    scorer.score(texts[:BATCH])
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for start in range(0, len(texts), BATCH):
            scorer.score(texts[start : start + BATCH])
        seconds.append(time.process_time() - started)
    return len(texts) / min(seconds)


def _single_calls(scorer: Scorer, texts: Sequence[Text]) -> float:
    """Calls with one text each, a second."""
    started = time.perf_counter()
    for text in texts[:SINGLES]:
        scorer.score([text])
    return SINGLES / (time.perf_counter() - started)


def _shares(cascade: Scorer, texts: Sequence[Text]) -> dict[str, float]:
    """The share of the texts that each member read."""
    read = Counter(name for score in cascade.score(texts) for name in members_of(score.scorer))
    return {name: round(count / len(texts), 4) for name, count in read.items()}


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines to read."""
    for name, value in found.items():
        if isinstance(value, int | float):
            yield f"  {name:<26}{value:>14,}"
    for name, share in found.get("cascade_share", {}).items():
        yield f"  cascade, read by {name:<9}{share:>14.1%}"
    for one in found.get("compared", []):
        yield from _compared(one)
    yield from (f"  not measured: {line}" for line in found["missing"])


def _compared(one: Mapping[str, Any]) -> Iterator[str]:
    weights = f"{one['network']} ({one['weights']} weights)"
    yield f"{weights}, {one['texts']}: {one['count']} texts, {one['tokens']:,} tokens"
    for row in one["predict"]:
        yield _row(f"predict, batches of {row['batch']}", row["speed"], f", {row['threads']} threads")
    for form in ("int8", "int8_one_core", "fp32"):
        yield _row(f"ours, {form.replace('_', ' ')}", one[form])
    yield f"  ratio {one['ratio']}, by processor time {one['ratio_per_core']}"
    yield f"  nothing but products in int8 would give {one['limit']}"


def _row(name: str, speed: Mapping[str, float], more: str = "") -> str:
    return f"  {name:<26}{speed['texts_per_s']:>14,.1f} texts/s, {speed['texts_per_core_s']:,.1f} a core-second{more}"
