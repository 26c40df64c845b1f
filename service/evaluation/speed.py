"""What scoring costs here: messages per core-second in batches, single calls per second, size on disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.scoring.contract import Scorer, Text

BATCH = 64
SINGLES = 300
_DATA = Path(__file__).resolve().parent.parent.parent / "moderation" / "scoring" / "data"


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """`per_core_second` and `singles` count this process's own time on all cores; `bytes` are the model's files."""

    scorer: str
    texts: int
    per_core_second: float
    singles: float
    bytes: int


def speed_row(scorer: Scorer, texts: Sequence[Text]) -> SpeedRow:
    scorer.score(texts[:BATCH])
    started = time.process_time()
    for start in range(0, len(texts), BATCH):
        scorer.score(texts[start : start + BATCH])
    batches = time.process_time() - started
    few = texts[:SINGLES]
    started = time.process_time()
    for text in few:
        scorer.score([text])
    singles = time.process_time() - started
    size = sum(path.stat().st_size for path in _DATA.glob(f"{scorer.name}*"))
    return SpeedRow(scorer.name, len(texts), len(texts) / batches, len(few) / singles, size)
