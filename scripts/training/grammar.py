"""Our own sentences: a small grammar of slots and choices, expanded in a fixed order."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    language: str
    kind: str
    targets: dict[str, float]
    weight: float
    urgency_share: float


class Grammar:
    """One language's file. `$hi` may touch the next word ("$hithe"), so slot names are tried longest first."""

    def __init__(self, language: str) -> None:
        raw: dict[str, Any] = tomllib.loads((HERE / f"grammar_{language}.toml").read_text("utf-8"))
        self.language = language
        self.slots: dict[str, list[str]] = raw["slots"]
        self.kinds: list[dict[str, Any]] = raw["kind"]
        names = sorted(self.slots, key=len, reverse=True)
        self._slot = re.compile(r"\$(" + "|".join(names) + ")")

    def expand(self, template: str, random: Random) -> str:
        text = template
        while "[" in text or ("$" in text and self._slot.search(text)):
            text = _CHOICE.sub(lambda match: random.choice(match[1].split("|")), text)
            text = self._slot.sub(lambda match: random.choice(self.slots[match[1]]), text, count=1)
        return re.sub(r"\s{2,}", " ", text).strip()

    def sentences(self, random: Random) -> Iterator[Sentence]:
        for kind in self.kinds:
            seen: set[str] = set()
            templates: list[str] = kind["templates"]
            for turn in range(kind["count"]):
                text = self.expand(templates[turn % len(templates)], random)
                if text not in seen:
                    seen.add(text)
                    said = frame(vary(text, random), self.language, random)
                    trust = kind.get("weight", 1.0), kind.get("urgency_share", 1.0)
                    yield Sentence(said, self.language, kind["name"], kind["targets"], *trust)


FRAMES = {
    "en": [
        "{} please",
        "{} thanks",
        "{} thank you",
        "Hi, {} Thank you so much!",
        "I love {b}. {}",
        "Please {}",
        "{b}: {}",
        "Hello {b}! {}",
        "{} Thanks a lot for your help, have a nice day.",
        "I really like {b}, but {}",
        "{} cheers {b}",
        "Been a customer for years. {}",
    ],
    "fr": [
        "{} svp",
        "{} s'il vous plaît",
        "{} merci",
        "{} merci d'avance",
        "Bonjour, {} Merci beaucoup !",
        "J'adore {b}. {}",
        "{b} : {}",
        "Bonjour {b} ! {}",
        "{} Merci pour votre aide, bonne journée.",
        "J'aime beaucoup {b}, mais {}",
        "Cliente depuis des années. {}",
    ],
}
BRANDS = ("Acme", "Northwind", "Lumo", "Veltra", "Kobari", "Orbito", "Halden", "Sonvia", "Brixo", "@user")


def frame(text: str, language: str, random: Random) -> str:
    """Politeness and brand names around any kind of sentence, so that they say nothing about its kind."""
    if random.random() > 0.3:
        return text
    return random.choice(FRAMES[language]).replace("{b}", random.choice(BRANDS)).replace("{}", text)


def vary(text: str, random: Random) -> str:
    """As people type: capitals or none, a full stop or none, sometimes all shouted."""
    roll = random.random()
    if roll < 0.04:
        return text.upper()
    if roll < 0.55:
        text = text[:1].upper() + text[1:]
    return text + "." if random.random() < 0.25 and text[-1:].isalpha() else text


def other_languages() -> list[str]:
    raw: dict[str, list[str]] = tomllib.loads((HERE / "other_languages.toml").read_text("utf-8"))
    return [sentence for sentences in raw.values() for sentence in sentences]


def all_sentences(seed: int = 20) -> list[Sentence]:
    return [s for language in ("en", "fr") for s in Grammar(language).sentences(Random(f"{seed}-{language}"))]
