"""Reason codes in words: one sentence a code, in English and French."""

from __future__ import annotations

from moderation.scoring.contract import Reason

SENTENCES: dict[str, tuple[str, str]] = {
    "toxic": ("Insulting or hateful words", "Propos insultants ou haineux"),
    "rough": ("Rough tone", "Ton agressif"),
    "urgent": ("Asks for help and sounds urgent", "Demande de l’aide et semble urgent"),
    "need": ("May need an answer from the brand", "Attend peut-être une réponse de la marque"),
    "calm": ("Speaks against", "Plaide contre"),
    "detoxify.toxicity": ("Detoxify finds it toxic", "Detoxify juge le message toxique"),
    "detoxify.severe_toxicity": ("Detoxify finds it very toxic", "Detoxify juge le message très toxique"),
    "detoxify.obscene": ("Detoxify finds it obscene", "Detoxify juge le message obscène"),
    "detoxify.threat": ("Detoxify finds a threat", "Detoxify voit une menace"),
    "detoxify.insult": ("Detoxify finds an insult", "Detoxify voit une insulte"),
    "detoxify.identity_attack": ("Detoxify finds an attack on a group", "Detoxify voit une attaque contre un groupe"),
    "rule.safety": ("Safety", "Sécurité des personnes"),
    "rule.threat": ("Threat", "Menace"),
    "rule.legal": ("Law, regulator or press", "Droit, autorité ou presse"),
    "rule.self_harm": ("Somebody may hurt themselves", "Quelqu’un pourrait se faire du mal"),
}
# French sets no-break spaces inside quotation marks and before a colon.
QUOTES = ("“{}”", "«\u00a0{}\u00a0»")
COLONS = (": ", "\u00a0: ")


def say(reason: Reason, locale: str = "en") -> str:
    """The reason as a person reads it; any locale but French reads English. An unknown code is shown as it is."""
    column = 1 if locale.lower().startswith("fr") else 0
    sentences = SENTENCES.get(reason.code)
    sentence = sentences[column] if sentences else reason.code
    if not reason.quote:
        return sentence
    return sentence + COLONS[column] + QUOTES[column].format(" ".join(reason.quote.split()))
