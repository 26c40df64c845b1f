"""What a community's decisions changed, in words, English and French."""

from __future__ import annotations

import math

from moderation.tuning import Tuning
from moderation.words import TOPICS, Spoken

#: The reasons of moderation.triage as things that can count more or less.
FACTORS = {
    "en": {
        "need": "A need that waits",
        "danger": "Somebody's safety",
        "toxicity": "A hostile tone",
        "waiting": "A long wait",
        "addressed": "Being asked by name",
        "velocity": "Many messages in a short time",
        "reach": "Many people in it",
        "turning": "A mood that turns",
        "fresh": "Being recent",
        "helped": "Help by a member who knows",
        "answered": "Answers by members",
        "accepted": "An accepted answer",
        "settled": "A content asker",
        "stale": "Days of silence",
        "rule": "A rule",
        "topic": "The topic",
        "shift": "Every conversation",
    },
    "fr": {
        "need": "Un besoin en attente",
        "danger": "La sécurité de quelqu’un",
        "toxicity": "Un ton hostile",
        "waiting": "Une longue attente",
        "addressed": "La marque nommée",
        "velocity": "Beaucoup de messages en peu de temps",
        "reach": "Beaucoup de personnes",
        "turning": "Une humeur qui se dégrade",
        "fresh": "La fraîcheur",
        "helped": "L’aide d’un membre qui s’y connaît",
        "answered": "Les réponses de membres",
        "accepted": "Une réponse acceptée",
        "settled": "Une personne satisfaite",
        "stale": "Des jours de silence",
        "rule": "Une règle",
        "topic": "Le thème",
        "shift": "Toute conversation",
    },
}
#: How far from the shipped weight is much, and how little is not worth saying.
_MUCH, _LEAST = 0.7, 0.2
_SAID = {
    "en": {
        "more": "{factor}: counts more",
        "much more": "{factor}: counts much more",
        "less": "{factor}: counts less",
        "much less": "{factor}: counts much less",
        "nothing": "{factor}: counts for nothing",
        "topic more": "Conversations about {topic}: answered more often",
        "topic much more": "Conversations about {topic}: answered much more often",
        "topic less": "Conversations about {topic}: left more often",
        "topic much less": "Conversations about {topic}: left much more often",
    },
    "fr": {
        "more": "{factor} : compte plus",
        "much more": "{factor} : compte beaucoup plus",
        "less": "{factor} : compte moins",
        "much less": "{factor} : compte beaucoup moins",
        "nothing": "{factor} : ne compte plus",
        "topic more": "Conversations sur le thème « {topic} » : plus souvent une réponse",
        "topic much more": "Conversations sur le thème « {topic} » : bien plus souvent une réponse",
        "topic less": "Conversations sur le thème « {topic} » : plus souvent laissées",
        "topic much less": "Conversations sur le thème « {topic} » : bien plus souvent laissées",
    },
}


def learned_in_words(tuning: Tuning, locale: str) -> list[Spoken]:
    """The changes worth saying, the greatest first: topics by log-odds, reasons by the log of their multiplier."""
    locale = locale if locale in FACTORS else "en"
    said = [_topic(name, value, locale) for name, value in tuning.topics.items()]
    said += [_factor(code, value, locale) for code, value in tuning.terms.items()]
    return sorted((s for s in said if abs(s.weight) >= _LEAST), key=lambda s: (-abs(s.weight), s.text))


def _topic(name: str, value: float, locale: str) -> Spoken:
    text = _SAID[locale][f"topic {_step(value)}"].format(topic=TOPICS[locale].get(name, name))
    return Spoken(text, "topic", value < 0, value)


def _factor(code: str, times: float, locale: str) -> Spoken:
    far = math.log(max(times, 0.01))
    word = "nothing" if times < 0.05 else _step(far)
    return Spoken(_SAID[locale][word].format(factor=FACTORS[locale].get(code, code)), code, far < 0, far)


def _step(far: float) -> str:
    return ("much " if abs(far) >= _MUCH else "") + ("more" if far > 0 else "less")
