"""Reasons in words, English and French: why a thread stands where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moderation.scoring.contract import Reason
from moderation.scoring.words import say


@dataclass(frozen=True, slots=True)
class Spoken:
    """One reason said. `kind` chooses the icon; `against` speaks for leaving the thread to the community."""

    text: str
    kind: str
    against: bool = False
    weight: float = 0.0


SENTENCES: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "need": ("Somebody needs an answer", "Nothing here asks for the brand"),
        "danger": ("It may be about somebody's safety", ""),
        "toxicity": ("The tone is hostile", ""),
        "waiting": ("Waiting for {wait} with no answer", ""),
        "addressed": ("Asks the brand by name", ""),
        "velocity": ("{count} messages in two hours", ""),
        "reach": ("{authors} people are in it", ""),
        "turning": ("The mood turned for the worse", ""),
        "fresh": ("It is recent", ""),
        "helped": ("", "Speaks against: a member who knows has answered"),
        "answered": ("", "Speaks against: {count} members have answered"),
        "accepted": ("", "Speaks against: an answer was accepted"),
        "settled": ("", "Speaks against: the one who asked came back content"),
        "stale": ("", "Speaks against: nothing has happened there for days"),
        "rule": ("A rule puts it above the line: {rules}", ""),
        "topic": (
            "Your team answers conversations about {topic}",
            "Speaks against: your team leaves {topic} to others",
        ),
    },
    "fr": {
        "need": ("Quelqu’un a besoin d’une réponse", "Rien ici ne demande la marque"),
        "danger": ("Il s’agit peut-être de la sécurité de quelqu’un", ""),
        "toxicity": ("Le ton est hostile", ""),
        "waiting": ("Attend une réponse depuis {wait}", ""),
        "addressed": ("S’adresse à la marque par son nom", ""),
        "velocity": ("{count} messages en deux heures", ""),
        "reach": ("{authors} personnes y participent", ""),
        "turning": ("L’humeur s’est dégradée", ""),
        "fresh": ("C’est récent", ""),
        "helped": ("", "Contre : un membre qui s’y connaît a répondu"),
        "answered": ("", "Contre : {count} membres ont répondu"),
        "accepted": ("", "Contre : une réponse a été acceptée"),
        "settled": ("", "Contre : la personne est revenue satisfaite"),
        "stale": ("", "Contre : rien ne s’y passe depuis des jours"),
        "rule": ("Une règle le place au-dessus de la ligne : {rules}", ""),
        "topic": (
            "Votre équipe répond quand il s’agit de : {topic}",
            "Contre : votre équipe laisse aux autres : {topic}",
        ),
    },
}
RULES = {
    "en": {
        "safety": "safety",
        "threat": "threat",
        "legal": "legal",
        "self_harm": "somebody in distress",
        "watched": "a watched word",
    },
    "fr": {
        "safety": "sécurité",
        "threat": "menace",
        "legal": "juridique",
        "self_harm": "une personne en détresse",
        "watched": "un mot surveillé",
    },
}
TOPICS = {
    "en": {
        "question": "questions",
        "bug": "faults",
        "complaint": "complaints",
        "billing": "money",
        "safety": "safety",
        "legal": "legal matters",
        "praise": "praise",
        "off_topic": "small talk",
        "glad": "content people",
    },
    "fr": {
        "question": "questions",
        "bug": "pannes",
        "complaint": "réclamations",
        "billing": "argent",
        "safety": "sécurité",
        "legal": "juridique",
        "praise": "compliments",
        "off_topic": "bavardage",
        "glad": "personnes contentes",
    },
}
#: Reasons that only colour others: never said.
SILENT = frozenset({"fresh"})
_LEAST = 0.3


def reasons_in_words(
    because: Sequence[Sequence[Any]], scored: Sequence[Reason], waiting_seconds: float, locale: str
) -> list[Spoken]:
    """Thread reasons (`[code, weight, params]`) and the marked message's own, strongest first, those against last."""
    locale = locale if locale in SENTENCES else "en"
    said: list[Spoken] = []
    quoted = {r.code.split(".")[0] for r in scored if r.weight > 0}
    for code, weight, params in because:
        if code in SILENT or abs(weight) < _LEAST or (code in ("need", "rule", "toxicity") and _covered(code, quoted)):
            continue
        text = SENTENCES[locale][code][0 if weight > 0 else 1]
        if text:
            said.append(Spoken(text.format(**_filled(params, waiting_seconds, locale)), code, weight < 0, weight))
    said += [Spoken(say(r, locale), r.code.split(".")[0], r.weight < 0, _own_weight(r)) for r in scored]
    unique = {s.text: s for s in reversed(said)}
    return sorted(unique.values(), key=lambda s: (s.against, -abs(s.weight), s.text))


def _covered(code: str, quoted: set[str]) -> bool:
    """A message's own words say it better than the general sentence."""
    return not quoted.isdisjoint({"need": ("urgent", "need"), "rule": ("rule",), "toxicity": ("toxic", "rough")}[code])


def _own_weight(reason: Reason) -> float:
    return reason.weight + (10.0 if reason.code.startswith("rule") else 1.0 if reason.weight > 0 else 0.0)


def _filled(params: dict[str, Any], waiting_seconds: float, locale: str) -> dict[str, Any]:
    names = ", ".join(RULES[locale].get(r, r) for r in params.get("rules", ()))
    topic = TOPICS[locale].get(params.get("topic", ""), "")
    return {**params, "rules": names, "topic": topic, "wait": duration(waiting_seconds, locale)}


def duration(seconds: float, locale: str = "en") -> str:
    """A length of time as people say it: 5 min, 3 h, 2 days."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{max(minutes, 1)} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h"
    days = hours // 24
    return f"{days} jours" if locale == "fr" else f"{days} days"
