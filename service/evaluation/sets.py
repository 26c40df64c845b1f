"""Labelled sets in a folder: CSV files, gzipped or not, told apart by their columns.

A set has `text` (or `comment_text`) and `toxic` or `needs`, each 0 or 1; `lang` (else the second part of the file's
name, as in `tox_en_olid.train.csv.gz`); a `thread` where its texts are messages of threads, in order.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from moderation.errors import BadInput
from moderation.scoring.contract import Text

#: What a column says, and the head it measures.
HEADS = {"toxic": "toxicity", "needs": "urgency"}
#: Sets whose texts trained the scorers in the box: four fifths of each, the rest measures (`held_out`).
TRAINED = frozenset(
    {
        "tox_en_davidson",
        "tox_en_mlma",
        "tox_fr_mlma",
        "tox_en_github_raman_comments",
        "tox_en_detoxify_dummy",
        "threads_en_incivility",
        "need_en_minibar",
        "need_fr_minibar",
    }
)
FOLDS = 5


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """One language of one set for one head. `perspective` has the Perspective API's own scores where it carries them.

    `in_domain` sets are a held-out fifth of what trained the scorers; `training` holds their other texts and labels,
    for baselines that learn.
    """

    name: str
    language: str
    head: str
    in_domain: bool
    texts: tuple[Text, ...]
    labels: npt.NDArray[np.bool_]
    threads: tuple[str, ...] = ()
    perspective: tuple[float, ...] = ()
    training: tuple[tuple[str, bool], ...] = field(default=(), repr=False)


def held_out(key: str) -> bool:
    """Whether a text, or a whole thread by its id, is in the fifth that trains nothing."""
    return crc32(key.encode()) % FOLDS == 0


def read_sets(folder: Path) -> list[LabelledSet]:
    """Every labelled set in a folder, by name. Raises BadInput where there is none."""
    if not folder.is_dir():
        raise BadInput(f"“{folder}” is not a folder; name one with labelled CSV files.")
    files = sorted(p for p in folder.iterdir() if p.name.endswith((".csv", ".csv.gz")))
    found = [one for path in files for one in _read(path)]
    if not found:
        raise BadInput(f"“{folder}” has no CSV file with a column “text” and a column “toxic” or “needs”.")
    return found


def _read(path: Path) -> Iterator[LabelledSet]:
    rows = list(_rows(path))
    name, _, part = path.name.partition(".")
    if not rows or part.startswith(("dev", "test")):
        return
    for column, head in HEADS.items():
        usable = [row for row in rows if row.get(column) in ("0", "1") and _text(row).strip()]
        for language in sorted({_language(row, name) for row in usable}):
            spoken = [row for row in usable if _language(row, name) == language]
            if {row[column] for row in spoken} == {"0", "1"}:
                yield _set(name, language, head, column, spoken)


def _set(name: str, language: str, head: str, column: str, rows: list[dict[str, str]]) -> LabelledSet:
    trained = name in TRAINED
    kept = [row for row in rows if held_out(_group(row))] if trained else rows
    return LabelledSet(
        name,
        language,
        head,
        trained,
        tuple(Text(_text(row), language) for row in kept),
        np.array([row[column] == "1" for row in kept]),
        tuple(row["thread"] for row in kept) if "thread" in rows[0] else (),
        tuple(float(row["perspective"]) for row in kept) if rows[0].get("perspective") else (),
        tuple((_text(row), row[column] == "1") for row in rows if trained and not held_out(_group(row))),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as plain:
        yield from csv.DictReader(TextIOWrapper(plain, encoding="utf-8", newline=""))


def _text(row: dict[str, str]) -> str:
    return row.get("text") or row.get("comment_text") or ""


def _language(row: dict[str, str], name: str) -> str:
    parts = name.split("_")
    return row.get("lang") or (parts[1] if len(parts) > 2 and len(parts[1]) == 2 else "und")


def _group(row: dict[str, str]) -> str:
    return row.get("thread") or _text(row)
