"""Statements of reasons: what an author is told of an act, and the same in the fields of the EU's database.

The fields, their values and limits are those of the DSA Transparency Database (https://transparency.dsa.ec.europa.eu,
“API documentation” and “Additional explanation for statement attributes”; source: GitHub,
digital-services-act/transparency-database, as of the schema of July 2025). Which keyword belongs to which category
says Annex II of the implementing regulation on transparency reports. What is optional there and not known here
(account type, product identifiers) is left out. Articles 17 and 20 of Regulation (EU) 2022/2065 say what an author
must be told, and that it can be contested for at least six months.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from moderation.errors import BadInput
from moderation.guards.places import Kind, places
from moderation.model import Capability
from moderation.statement_words import CATEGORY_WORDS, ENDS, FACTS, FACTS_BY_RULE, GROUND, LETTER, OUTCOMES, TITLES

#: Acts that touch what somebody wrote, or their account. A move leaves both as they are; an inverse gives back.
WITH_REASONS = frozenset({Capability.HIDE, Capability.LOCK, Capability.WARN, Capability.SILENCE, Capability.SUSPEND})
#: Longer than any six months.
CONTESTABLE = timedelta(days=184)
LANGUAGES = ("en", "fr")

#: Keywords by category: those that a community can meet. Any category may stand without one.
KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "STATEMENT_CATEGORY_ANIMAL_WELFARE": (),
    "STATEMENT_CATEGORY_CONSUMER_INFORMATION": ("KEYWORD_HIDDEN_ADVERTISEMENT",),
    "STATEMENT_CATEGORY_CYBER_VIOLENCE": (
        "KEYWORD_CYBER_BULLYING_INTIMIDATION",
        "KEYWORD_CYBER_HARASSMENT",
        "KEYWORD_CYBER_INCITEMENT",
        "KEYWORD_CYBER_STALKING",
    ),
    "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN": (),
    "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS": (),
    "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH": (
        "KEYWORD_DEFAMATION",
        "KEYWORD_DISCRIMINATION",
        "KEYWORD_HATE_SPEECH",
    ),
    "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS": (
        "KEYWORD_COPYRIGHT_INFRINGEMENT",
        "KEYWORD_TRADEMARK_INFRINGEMENT",
    ),
    "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS": ("KEYWORD_MISINFORMATION_DISINFORMATION",),
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS": (
        "KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS",
        "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL",
        "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS",
    ),
    "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY": ("KEYWORD_TERRORIST_CONTENT", "KEYWORD_RISK_PUBLIC_HEALTH"),
    "STATEMENT_CATEGORY_SCAMS_AND_FRAUD": (
        "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING",
        "KEYWORD_INAUTHENTIC_ACCOUNTS",
        "KEYWORD_INAUTHENTIC_USER_REVIEWS",
        "KEYWORD_PHISHING",
    ),
    "STATEMENT_CATEGORY_SELF_HARM": ("KEYWORD_SUICIDE",),
    "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS": ("KEYWORD_PROHIBITED_PRODUCTS", "KEYWORD_UNSAFE_PRODUCTS"),
    "STATEMENT_CATEGORY_VIOLENCE": ("KEYWORD_INCITEMENT_VIOLENCE_HATRED",),
    "STATEMENT_CATEGORY_OTHER_VIOLATION_TC": (
        "KEYWORD_ADULT_SEXUAL_MATERIAL",
        "KEYWORD_GOODS_SERVICES_NOT_PERMITTED",
        "KEYWORD_LANGUAGE_REQUIREMENTS",
        "KEYWORD_NUDITY",
    ),
}
CATEGORIES = tuple(KEYWORDS)
OTHER = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
#: Of what is illegal where neither a rule nor a notice says more: what we read are words.
ILLEGAL = "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"
#: Characters of a law's name.
LAW = 200
_CATEGORY_OF = {keyword: category for category, found in KEYWORDS.items() for keyword in found}

#: The countries of the European Economic Area: an act on a community holds in each of them.
EEA = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
    *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
)

_PERSONAL = frozenset(Kind) - {Kind.AMOUNT, Kind.DATE, Kind.OWN, Kind.CODE}
#: What is decided, by kind of act; a warning restricts nothing, so the database has no field for it.
_DECIDED: Mapping[Capability, Mapping[str, Any]] = {
    Capability.HIDE: {"decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"]},
    Capability.LOCK: {"decision_visibility": ["DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED"]},
    Capability.SILENCE: {"decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION"},
    Capability.SUSPEND: {"decision_account": "DECISION_ACCOUNT_SUSPENDED"},
}
_END: Mapping[Capability, str] = {
    Capability.HIDE: "end_date_visibility_restriction",
    Capability.LOCK: "end_date_visibility_restriction",
    Capability.SILENCE: "end_date_service_restriction",
    Capability.SUSPEND: "end_date_account_restriction",
}


class Source(StrEnum):
    """What made somebody look: a notice of illegal content, a report by a member, or nobody but ourselves."""

    NOTICE = "SOURCE_ARTICLE_16"
    REPORT = "SOURCE_TYPE_OTHER_NOTIFICATION"
    VOLUNTARY = "SOURCE_VOLUNTARY"


@dataclass(frozen=True, slots=True)
class Reasons:
    """What is kept of an act's reasons at the moment it is asked for. No moderator's name is in it, ever.

    `reason` is what whoever acted wrote, `explanation` the same without personal data; `rule` and `rule_text` are the
    community's rule as it was worded then ("": none was named), `category` its category or keyword. `content_language`
    has two letters or none, `written_on` is the ISO date of the oldest content that it is about. `law` is the one under
    which it is illegal ("": it breaks the community's rules, as all did that were kept without it).
    """

    kind: Capability
    puid: str
    language: str
    community: str
    reason: str
    explanation: str
    rule: str
    rule_text: str
    category: str
    automated: bool
    content_language: str
    written_on: str
    law: str = ""

    def to_body(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {name: getattr(self, name) for name in self.__slots__} | {"kind": str(self.kind)}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Reasons:
        """The same again."""
        return cls(**(dict(body) | {"kind": Capability(body["kind"])}))


def named_law(typed: str | None) -> str | None:
    """The law under which something is illegal, in one line; None: it breaks the community's rules. Raises BadInput."""
    if typed is None:
        return None
    law = " ".join("".join(c if c.isprintable() else " " for c in typed).split())
    if not 1 <= len(law) <= LAW:
        raise BadInput(f"Name the law under which it is illegal, in 1 to {LAW} characters.")
    return law


def category_of(chosen: str) -> tuple[str, tuple[str, ...]]:
    """A rule's category, and its keyword where one was chosen. What is not known counts as against the terms."""
    if chosen in _CATEGORY_OF:
        return _CATEGORY_OF[chosen], (chosen,)
    return (chosen if chosen in KEYWORDS else OTHER), ()


def category_words(chosen: str, language: str) -> str:
    """A category or keyword as people read it."""
    en, fr = CATEGORY_WORDS.get(chosen, CATEGORY_WORDS[OTHER])
    return fr if language == "fr" else en


def without_personal_data(text: str, names: Iterable[str] = ()) -> str:
    """A text with … for addresses, numbers, links, handles, and for the names given, wherever they stand in it."""
    for place in reversed(places(text)):
        if place.kind in _PERSONAL:
            text = f"{text[: place.start]}…{text[place.end :]}"
    for name in sorted({n.strip().lstrip("@") for n in names}, key=len, reverse=True):
        text = _without(text, name) if name else text
    return text


def spoken_language(found: str, otherwise: str) -> str:
    """The language to write to an author in: theirs where we speak it, else the desk's."""
    return next((own for own in (found[:2].lower(), otherwise) if own in LANGUAGES), LANGUAGES[0])


def to_database(found: Reasons, done_at: datetime, until: datetime | None, source: Source) -> dict[str, Any] | None:
    """The fields of the EU's database; None for what it has none for. `until` is a planned end."""
    decided = _DECIDED.get(found.kind)
    if decided is None:
        return None
    category, keywords = category_of(found.category)
    if found.law and category == OTHER:
        category, keywords = ILLEGAL, ()
    fields: dict[str, Any] = dict(decided) | {
        **_ground(found),
        "content_type": ["CONTENT_TYPE_TEXT"],
        "category": category,
        "content_date": found.written_on,
        "application_date": f"{done_at:%Y-%m-%d}",
        "decision_facts": facts(found, source)[:5000],
        "source_type": str(source),
        "automated_detection": "Yes" if found.automated else "No",
        "automated_decision": "AUTOMATED_DECISION_FULLY" if found.automated else "AUTOMATED_DECISION_NOT_AUTOMATED",
        "territorial_scope": list(EEA),
        "puid": found.puid,
    }
    if keywords:
        fields["category_specification"] = list(keywords)
    if found.content_language:
        fields["content_language"] = found.content_language.upper()
    if until is not None:
        fields[_END[found.kind]] = f"{until:%Y-%m-%d}"
    return fields


def _ground(found: Reasons) -> dict[str, str]:
    """One of the two grounds; the database takes the fields of that one only."""
    if found.law:
        return {
            "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
            "illegal_content_legal_ground": found.law[:500],
            "illegal_content_explanation": found.explanation[:2000],
        }
    return {
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": (found.rule or GROUND[found.language])[:500],
        "incompatible_content_explanation": found.explanation[:2000],
    }


def facts(found: Reasons, source: Source) -> str:
    """What happened, in a sentence without personal data."""
    said = FACTS_BY_RULE[found.language] if found.automated else FACTS[found.language][source.name]
    return f"{TITLES[found.language][str(found.kind)]} {said}"


def letter(found: Reasons, until: datetime | None, contest: str, contest_until: datetime) -> tuple[str, str]:
    """(title, text) for the author, short enough for any platform. `contest` is the address of the whole statement.

    Without an address of our own, it is the statement's number, to be named to the moderators.
    """
    words = LETTER[found.language]
    parts = [words["did"][str(found.kind)].format(community=_short(found.community, 50))]
    ground = "law" if found.law else "rule" if found.rule else "rules"
    parts.append(words[ground].format(law=_short(found.law, 60), rule=_short(found.rule, 60)))
    parts.append(words["reason"].format(reason=_short(found.reason, 80)))
    if until is not None:
        parts.append(ENDS[found.language].format(until=f"{until:%Y-%m-%d %H:%M}"))
    how = "contest" if contest.startswith("http") else "number"
    parts.append(words[how].format(contest=contest, until=f"{contest_until:%Y-%m-%d}"))
    return words["title"], "\n\n".join(part for part in parts if part)


def outcome_letter(language: str, outcome: str, reason: str, reversible: bool, link: str) -> tuple[str, str]:
    """(title, text) for an author whose appeal was decided: upheld (the act stands) or overturned."""
    words = OUTCOMES[language]
    told = words["final"] if outcome == "overturned" and not reversible else words[outcome]
    parts = (told, words["reason"].format(reason=_short(reason, 160)), link if link.startswith("http") else "")
    return words["title"], "\n\n".join(part for part in parts if part)


def _short(text: str, most: int) -> str:
    """In one line, of at most so many characters, in which @ calls nobody: each whom a private post names reads it."""
    line = " ".join(text.split()).replace("@", "@\u2060")
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _without(text: str, name: str) -> str:
    """Where it stands as a word, whatever its case; in linear time."""
    lower, wanted, kept, at = text.lower(), name.lower(), [], 0
    if len(lower) != len(text):
        return text.replace(name, "…")
    while (start := lower.find(wanted, at)) >= 0:
        end = start + len(wanted)
        alone = not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())
        kept.append(text[at:start] + ("…" if alone else text[start:end]))
        at = end
    return "".join(kept) + text[at:]
