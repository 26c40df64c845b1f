"""What a member is told of a report they made, in their language. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from moderation.reports import Verdict

LANGUAGES = ("en", "fr")
_TITLES: Mapping[str, str] = {"en": "Your report", "fr": "Votre signalement"}
_WORDS: Mapping[tuple[Verdict, str], str] = {
    (Verdict.UPHELD, "en"): "Thank you for your report. We looked at it, agree with you and took care of it.",
    (Verdict.UPHELD, "fr"): "Merci pour votre signalement. Nous l’avons examiné, vous aviez raison, et c’est réglé.",
    (Verdict.DISMISSED, "en"): "Thank you for your report. We looked at it and found nothing against the rules.",
    (Verdict.DISMISSED, "fr"): "Merci pour votre signalement. Nous l’avons examiné : rien n’y enfreint les règles.",
}
_NUMBER: Mapping[str, str] = {"en": "Report no. {number}", "fr": "Signalement nº {number}"}


def title(language: str) -> str:
    """The heading of such a notice, where a platform shows one."""
    return _TITLES[_spoken(language)]


def outcome(verdict: Verdict, language: str) -> str:
    """What was decided, in one or two sentences."""
    return _WORDS[verdict, _spoken(language)]


def notice(verdict: Verdict, language: str, url: str, number: int) -> str:
    """The whole notice: what was decided, of which post (`url` "": none), and a number that no other notice has."""
    spoken = _spoken(language)
    lines = (_WORDS[verdict, spoken], url, _NUMBER[spoken].format(number=number))
    return "\n".join(line for line in lines if line)


def _spoken(language: str) -> str:
    """One of ours: `fr-CA` is French, and whoever speaks neither is told in English."""
    base = language.split("-", maxsplit=1)[0].lower()
    return base if base in LANGUAGES else LANGUAGES[0]
