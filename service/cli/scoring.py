"""`tenth score`: needs no database, and settings only for scorers that have some."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice

import click

from moderation.scoring.contract import Score, Text
from moderation.scoring.words import say
from service.scorers import scorer_named

BATCH = 256
MAX_LINE = 1_000_000


@click.command("score")
@click.option("--scorer", default="embedded", show_default=True, help="Which scorer reads the texts.")
@click.option("--locale", default="en", type=click.Choice(["en", "fr"]), help="Language of the reasons.")
def score(scorer: str, locale: str) -> None:
    """Score texts: one a line on standard input, one JSON object a line on standard output, in order.

    \b
    Example:  echo "It burned my hand" | tenth score
    """
    built = scorer_named(scorer)
    lines = _lines()
    while batch := list(islice(lines, BATCH)):
        for found in built.score([Text(line) for line in batch]):
            sys.stdout.write(json.dumps(_as_json(found, locale), ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _lines() -> Iterator[str]:
    for raw in sys.stdin.buffer:
        yield raw.rstrip(b"\r\n")[:MAX_LINE].decode("utf-8", "replace")


def _as_json(found: Score, locale: str) -> dict[str, object]:
    return {
        "toxicity": found.toxicity,
        "urgency": found.urgency,
        "sentiment": found.sentiment,
        "language": found.language,
        "reasons": [say(r, locale) for r in found.reasons],
        "rules": list(found.rules),
        "classes": dict(found.classes),
        "intents": dict(found.intents),
        "scorer": found.scorer,
    }


COMMANDS = (score,)
