"""The data files in `../text`, read once into typed records."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from service.sandbox.story import Category, Language

_TEXT = Path(__file__).parent.parent / "text"
Where = Literal["forum", "fediverse"]


@dataclass(frozen=True, slots=True)
class Topic:
    """A problem with its answers, or (`chat`) small talk whose `remarks` carry the thread."""

    key: str
    category: str
    chat: bool
    about: tuple[str, ...]
    titles: tuple[str, ...]
    openings: tuple[str, ...]
    details: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]
    answers: tuple[str, ...]
    remarks: tuple[str, ...]
    returns: tuple[str, ...]
    returns_to: tuple[int, ...]
    fits: tuple[str, ...]

    def suited(self, opening: int, letter: str, size: int) -> list[int]:
        """Which of `size` entries go with this opening: see the head of topics_en.toml."""
        for word in self.fits[opening].split() if self.fits else ():
            if word[0] == letter:
                return [int(number) for number in word[1:].split(",") if number]
        return list(range(size))


@dataclass(frozen=True, slots=True)
class Script:
    """A thread written by hand. `expected` is empty when it is no part of the planted list."""

    key: str
    where: Where
    language: Language
    days: float
    title: str
    category: str
    hashtags: tuple[str, ...]
    lines: tuple[tuple[Any, ...], ...]
    kind: str
    expected: str
    by_rule: bool
    why: str


def read(name: str) -> dict[str, Any]:
    with (_TEXT / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def people() -> dict[str, Any]:
    return read("people")


@cache
def outage() -> dict[str, Any]:
    return read("outage")


@cache
def talk(language: Language) -> dict[str, list[str]]:
    return {name: pool for name, pool in read(f"talk_{language}").items() if name != "chat"}


@cache
def topics(language: Language) -> tuple[Topic, ...]:
    problems = [_topic(raw, chat=False) for raw in read(f"topics_{language}")["topic"]]
    chats = [_topic(raw, chat=True) for raw in read(f"talk_{language}")["chat"]]
    return (*problems, *chats)


@cache
def scripts(language: Language) -> tuple[Script, ...]:
    return tuple(_script(raw, language) for raw in read(f"scripted_{language}")["thread"])


def categories() -> tuple[Category, ...]:
    return tuple(Category(**raw) for raw in people()["categories"])


def _topic(raw: dict[str, Any], *, chat: bool) -> Topic:
    return Topic(
        key=raw["id"],
        category=raw["category"],
        chat=chat,
        about=tuple(raw.get("about", ("Uno", "Duetto", "Trio"))),
        titles=tuple(raw["title"]),
        openings=tuple(raw["open"]),
        details=tuple(raw.get("more", ())),
        questions=tuple((question, answer) for question, answer in raw.get("ask", ())),
        answers=tuple(raw.get("answer", ())),
        remarks=tuple(raw["say"] if chat else raw["also"]),
        returns=tuple(raw["back"] if chat else raw["follow"]),
        returns_to=tuple(raw["back_of"] if chat else raw["follow_of"]),
        fits=tuple(raw.get("fits", ())),
    )


def _script(raw: dict[str, Any], language: Language) -> Script:
    return Script(
        key=raw["key"],
        where=raw["where"],
        language=language,
        days=raw["days"],
        title=raw.get("title", ""),
        category=raw.get("category", ""),
        hashtags=tuple(raw.get("hashtags", ())),
        lines=tuple(tuple(line) for line in raw["lines"]),
        kind=raw.get("kind", ""),
        expected=raw.get("expected", "surface" if "kind" in raw else ""),
        by_rule=raw.get("by_rule", False),
        why=raw.get("why", ""),
    )
