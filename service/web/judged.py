"""What a scorer heard in a message, and how often it is right, in words."""

from __future__ import annotations

from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from moderation.scoring.measured import measured
from moderation.words import TOPICS
from service.usecases.conversation import Shown
from service.web import language

_CLASSES = {
    "severe": _l("very hostile"),
    "insult": _l("insult"),
    "threat": _l("threat"),
    "profanity": _l("swearing"),
    "identity_attack": _l("attack on a group"),
}
_LANGUAGES = {"en": _l("English"), "fr": _l("French")}


def heard(of: Shown) -> str:
    """Kinds of toxicity, then what the message is about: those more likely than not."""
    topics = TOPICS[language.locale()]
    return ", ".join([str(_CLASSES.get(c, c)) for c in of.classes] + [topics.get(i, i) for i in of.intents])


def accuracy(of: Shown) -> list[str]:
    """How often this scorer ranks tone and need right in the message's language; empty where nobody measured it."""
    known, name = measured(of.scorer, of.language), _LANGUAGES.get(of.language, of.language)
    sentences = {
        "toxicity": _("ranks hostile above calm in %(count)s of 100 pairs (%(language)s)"),
        "urgency": _("ranks need above no need in %(count)s of 100 pairs (%(language)s)"),
    }
    return [
        words % {"count": format_decimal(round(100 * known[head])), "language": name}
        for head, words in sentences.items()
        if head in known
    ]


def rate(value: float) -> str:
    """How many a day, with a decimal where it says something."""
    return str(format_decimal(value, "0.#"))
