"""Which team a conversation belongs to: rules in order, the first that holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: A rule's `danger` that any rule of danger satisfies.
ANY = "*"
#: How likely a topic must be to count.
LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a conversation: its community, topics, fired rules of danger, language ("": not known)."""

    community: int
    topics: frozenset[str] = frozenset()
    dangers: frozenset[str] = frozenset()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for a team to get it; an empty condition always holds.

    `languages` are those that the team answers in (none: all): what it could not answer passes on to the next rule.
    """

    team: int
    community: int | None = None
    topic: str = ""
    danger: str = ""
    language: str = ""
    languages: frozenset[str] = frozenset()


def route(facts: Facts, rules: Iterable[Rule]) -> int | None:
    """The team of the first rule that holds; None: it is in everybody's queue."""
    return next((rule.team for rule in rules if holds(facts, rule)), None)


def holds(facts: Facts, rule: Rule) -> bool:
    """Whether every condition of a rule holds. A language that is not known fits no language that is asked for."""
    spoken = primary(facts.language)
    return (
        rule.community in (None, facts.community)
        and (not rule.topic or rule.topic in facts.topics)
        and (not rule.danger or rule.danger in facts.dangers or (rule.danger == ANY and bool(facts.dangers)))
        and (not rule.language or primary(rule.language) == spoken)
        and answers_in(rule.languages, spoken)
    )


def answers_in(languages: Iterable[str], language: str) -> bool:
    """Whether a team with these languages can answer in one; what is not known may be any."""
    known = {primary(name) for name in languages}
    return not known or not primary(language) or primary(language) in known


def primary(language: str) -> str:
    """The language itself of a tag: "fr" of "fr-CA"; "" when nobody could tell."""
    found = language.replace("_", "-").partition("-")[0].strip().lower()
    return "" if found == "und" else found
