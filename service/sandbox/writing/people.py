"""The cast: a few named people, and a crowd in which some write every day and most once."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any

from service.sandbox.story import Language, Member
from service.sandbox.writing.texts import Where, people

_CROWD: dict[Language, int] = {"en": 170, "fr": 90}
BRAND = Member("brava", "Brava", "en", "brand", 4, on_fediverse=True)


@dataclass(frozen=True, slots=True)
class Habits:
    """How somebody types."""

    lower: bool = False
    plain_letters: bool = False
    no_last_dot: bool = False
    emoji: float = 0.0
    slips: float = 0.0


@dataclass(frozen=True, slots=True)
class Cast:
    members: tuple[Member, ...]
    crowd: tuple[Member, ...]
    experts: tuple[Member, ...]
    impostors: tuple[Member, ...]
    habits: dict[str, Habits]

    def somebody(self, rng: Random, language: Language, where: Where, but: Collection[str] = ()) -> Member:
        """Somebody of the crowd; the first ones of the list write most."""
        there = [m for m in self.crowd if m.language == language and is_there(m, where)]
        while True:
            member = there[int(len(there) * rng.random() ** 1.7)]
            if member.username not in but:
                return member

    def expert(self, rng: Random, language: Language, where: Where, but: Collection[str] = ()) -> Member | None:
        return _one_of(rng, self.experts, language, where, but)

    def impostor(self, rng: Random, language: Language, where: Where, but: Collection[str] = ()) -> Member | None:
        return _one_of(rng, self.impostors, language, where, but)


def is_there(member: Member, where: Where) -> bool:
    return member.on_forum if where == "forum" else member.on_fediverse


def gather(rng: Random) -> Cast:
    experts = tuple(_named(raw, "expert", 3) for raw in people()["experts"])
    impostors = tuple(_named(raw, "member", 2) for raw in people()["impostors"])
    staff = tuple(_named(raw, "staff", 4) for raw in people()["staff"])
    crowd = (*_crowd(rng, "en"), *_crowd(rng, "fr"))
    habits = {member.username: _habits(rng, member) for member in crowd}
    return Cast((BRAND, *staff, *experts, *impostors, *crowd), crowd, experts, impostors, habits)


def ascii_letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("œ", "oe"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _one_of(
    rng: Random, members: tuple[Member, ...], language: Language, where: Where, but: Collection[str]
) -> Member | None:
    suited = [m for m in members if m.language == language and is_there(m, where) and m.username not in but]
    return rng.choice(suited) if suited else None


def _named(raw: dict[str, Any], role: Any, trust_level: int) -> Member:
    fediverse = raw.get("fediverse", False)
    return Member(raw["username"], raw["name"], raw["language"], role, trust_level, on_fediverse=fediverse)


def _crowd(rng: Random, language: Language) -> list[Member]:
    names, tails = people()[f"names_{language}"], people()[f"tails_{language}"]
    # Some first names belong to both languages; a username only to one person.
    shared = set(people()["names_en"]) & set(names) if language == "fr" else set()
    pairs = [(name, tail) for name in names for tail in tails if name not in shared and len(name + tail) <= 20]
    return [
        _ordinary(rng, language, rank, name, tail)
        for rank, (name, tail) in enumerate(rng.sample(pairs, _CROWD[language]))
    ]


def _ordinary(rng: Random, language: Language, rank: int, name: str, tail: str) -> Member:
    username = f"{ascii_letters(name).lower()}{tail}"
    shown = rng.choice((name, name, f"{name} {rng.choice('ABDFGHKLMNPRSTVWZ')}.", username))
    regular = rank < 25
    on_forum = rng.random() < 0.72
    on_fediverse = not on_forum or rng.random() < 0.3
    trust = 2 if regular else rng.choice((0, 1, 1))
    return Member(username, shown, language, "member" if regular else "customer", trust, on_forum, on_fediverse)


def _habits(rng: Random, member: Member) -> Habits:
    return Habits(
        lower=rng.random() < 0.1,
        plain_letters=member.language == "fr" and rng.random() < 0.12,
        no_last_dot=rng.random() < 0.3,
        emoji=rng.choice((0.0, 0.0, 0.05, 0.25)),
        slips=rng.choice((0.0, 0.0, 0.04, 0.15)),
    )
