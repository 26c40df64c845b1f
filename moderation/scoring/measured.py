"""How well a scorer ranks texts that it was not trained on, by language: figures that `tenth evaluate` found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "measured.json"
_NOTHING: Mapping[str, float] = {}


def measured(scorer: str, language: str) -> Mapping[str, float]:
    """Areas under the ROC curve by head ("toxicity", "urgency"); empty where nothing was measured.

    `scorer` is "name@version" as a score carries it, `language` ISO 639-1.
    """
    return _figures().get(scorer.partition("@")[0], {}).get(language, _NOTHING)


@cache
def _figures() -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    return found
