"""Labelled texts that may train what ships (tier A of the data README), and those that only measure it (tier B)."""

from __future__ import annotations

import csv
import gzip
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from moderation.scoring.contract import CLASSES, INTENTS
from service.evaluation.sets import held_out
from training.grammar import all_sentences, other_languages

Row = dict[str, str]
PROBLEM, WISH, PRAISE, CHAT = 0.8, 0.25, 0.05, 0.08
#: Tweets say little about urgency beyond what talk sounds like, so they count less there.
TWEET_URGENCY_SHARE = 0.1
GRAMMAR_WEIGHT = 0.5
LEXICON_WEIGHT = 3.0
SENTENCE_WEIGHT = 2.5
SURE, UNLIKELY = 0.95, 0.02
HERE = Path(__file__).parent
_LETTERS = dict(zip("sitpa", CLASSES, strict=True))
_DECENT = 0.05


@dataclass(slots=True)
class Example:
    """One text; a target that is missing teaches nothing to its head. `weight` says how far to trust the set.

    Targets are chances for the heads of the scorer, classes and intents among them.
    """

    text: str
    language: str
    source: str
    targets: dict[str, float]
    weight: float = 1.0
    group: str = ""
    labels: dict[str, bool] = field(default_factory=dict)
    urgency_share: float = 1.0

    def trust(self, head: str) -> float:
        return self.weight * (self.urgency_share if head == "urgency" else 1.0)

    @property
    def held_out(self) -> bool:
        return held_out(self.group or self.text)


def _rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _toxic(targets_high: float, targets_low: float) -> Callable[[Row], dict[str, float]]:
    return lambda row: {"toxicity": targets_high if row["toxic"] == "1" else targets_low}


def _tweet(targets_high: float, targets_low: float) -> Callable[[Row], dict[str, float]]:
    """Talk among people: hostile or not, no brand is needed."""
    return lambda row: _toxic(targets_high, targets_low)(row) | {"urgency": CHAT}


def _davidson(row: Row) -> dict[str, float]:
    """Sampled by slurs: the vote shares say more than the majority does."""
    votes = float(row["votes"])
    hate = float(row["hate_votes"]) / votes
    toxicity = hate + 0.85 * float(row["offensive_votes"]) / votes
    return {"toxicity": min(SURE, toxicity), "urgency": CHAT, "identity_attack": min(SURE, hate)}


def _minibar(row: Row) -> dict[str, float]:
    stars = int(row["stars"])
    urgency = PROBLEM if row["problem"] == "1" else WISH if row["feature"] == "1" else PRAISE if stars > 3 else 0.4
    gladness = {1: 0.05, 2: 0.2, 3: 0.5, 4: 0.85, 5: 0.95}[stars]
    said = {"bug": row["problem"] == "1", "praise": stars > 3 and row["problem"] == "0"}
    return {"toxicity": 0.03, "urgency": urgency, "sentiment": gladness} | _held(said)


def _held(said: dict[str, bool]) -> dict[str, float]:
    return {name: SURE if holds else UNLIKELY for name, holds in said.items()}


_JIGSAW = dict(zip(("severe_toxic", "insult", "threat", "obscene", "identity_hate"), CLASSES, strict=True))


def _dummy(row: Row) -> dict[str, float]:
    return {"toxicity": 0.95 if row["toxic"] == "1" else 0.03} | _held({c: row[n] == "1" for n, c in _JIGSAW.items()})


TIER_A: tuple[tuple[str, Callable[[Row], dict[str, float]], float], ...] = (
    ("tox_en_davidson", _davidson, 0.25),
    ("tox_en_mlma", _tweet(0.8, 0.2), 0.15),
    ("tox_fr_mlma", _tweet(0.75, 0.2), 0.4),
    ("tox_en_github_raman_comments", _toxic(0.9, 0.03), 1.0),
    ("threads_en_incivility", _toxic(0.7, 0.05), 0.6),
    ("tox_en_detoxify_dummy", _dummy, 1.5),
    ("need_en_minibar", _minibar, 0.7),
    ("need_fr_minibar", _minibar, 0.7),
)
#: Sets of one making: to measure on one of them, all of them are left out of the training.
ORIGINS = {
    "davidson": ("tox_en_davidson",),
    "mlma": ("tox_en_mlma", "tox_fr_mlma"),
    "github": ("tox_en_github_raman_comments",),
    "incivility": ("threads_en_incivility",),
    "jigsaw": ("tox_en_detoxify_dummy",),
    "minibar": ("need_en_minibar", "need_fr_minibar"),
}
TIER_B = (
    "tox_en_olid",
    "tox_en_cad",
    "tox_en_toxicr_codereview",
    "tox_en_unhealthy",
    "threads_fr_cyberado",
    "need_en_airline",
    "need_en_complaints",
    "need_en_mooc_urgency",
)


def _example(name: str, row: Row, targets: dict[str, float], weight: float) -> Example:
    language = row.get("lang") or name.split("_")[1]
    text = row.get("text") or row.get("comment_text") or ""
    labels = {head: row[key] == "1" for head, key in (("toxicity", "toxic"), ("urgency", "needs")) if key in row}
    share = TWEET_URGENCY_SHARE if "toxicity" in labels else 1.0
    return Example(text, language, name, targets, weight, row.get("thread", ""), labels, share)


def tier_a(data: Path) -> list[Example]:
    found = [
        _example(name, row, targets(row), weight)
        for name, targets, weight in TIER_A
        for row in _rows(data / f"{name}.train.csv.gz")
    ]
    return [example for example in found if example.text.strip()]


def tier_b(data: Path) -> list[Example]:
    """For measuring only: these licences do not let a model trained on them ship."""
    return [_example(name, row, {}, 0.0) for name in TIER_B for row in _rows(data / f"{name}.train.csv.gz")]


def conversations(data: Path) -> list[Example]:
    """What customers of some brands wrote to them in public, each time with a need, and what agents answered."""
    name = "threads_en_ibm_twittercare"
    targets = {"client": {"urgency": 0.7, "toxicity": 0.05}, "agent": {"urgency": 0.12, "toxicity": 0.02}}
    rows = _rows(data / f"{name}.dev.csv.gz")
    return [Example(row["text"], "en", name, targets[row["role"]], 0.6, row["thread"]) for row in rows]


def grammar() -> list[Example]:
    return [
        Example(
            s.text,
            s.language,
            f"grammar {s.kind}",
            dict(s.targets),
            GRAMMAR_WEIGHT * s.weight,
            urgency_share=s.urgency_share,
        )
        for s in all_sentences()
    ]


def sentences() -> list[Example]:
    """Sentences written by hand: each line has toxicity, classes, urgency, intents, sentiment and the text."""
    return [
        found
        for path in sorted((HERE / "sentences").glob("*.tsv"))
        for line in _lines(path)
        if (found := _written(path, line))
    ]


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")


def _written(path: Path, line: str) -> Example | None:
    """None for a line that is not whole."""
    columns = line.rstrip("\r").split("\t")
    if len(columns) != 6 or not columns[5].strip():
        return None
    try:
        toxicity, urgency, glad = (float(columns[place]) for place in (0, 2, 4))
    except ValueError:
        return None
    targets = {"toxicity": _chance(toxicity / 100), "urgency": _chance(urgency / 100), "sentiment": (glad + 100) / 200}
    targets |= _held({name: letter in columns[1] for letter, name in _LETTERS.items()})
    targets |= _held({name: name in columns[3] for name in INTENTS})
    return Example(columns[5], path.stem.split("_")[1], f"sentences {path.stem}", targets, SENTENCE_WEIGHT)


def _chance(share: float) -> float:
    return min(1 - UNLIKELY, max(0.01, share))


def lexicon() -> list[Example]:
    """Words and turns of phrase as texts of their own."""
    groups = tomllib.loads((HERE / "lexicon.toml").read_text("utf-8"))["group"]
    return [
        Example(entry.strip(), group["language"], "lexicon", dict(group["targets"]), LEXICON_WEIGHT)
        for group in groups
        for entry in group["words"].replace("\n", " ").split(",")
    ]


def decent(examples: list[Example]) -> list[Example]:
    """A text that is certainly not toxic is no insult, threat or attack either (swearing it may be)."""
    for example in examples:
        if example.targets.get("toxicity", 1.0) <= _DECENT:
            example.targets = {name: UNLIKELY for name in CLASSES if name != "profanity"} | example.targets
    return examples


def foreign() -> list[Example]:
    return [Example(text, "und", "other languages", {}, 1.0) for text in other_languages()]
