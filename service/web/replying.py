"""Words and shapes for answers: what guards found, why a second person is asked, what is on its way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from babel import Locale
from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape

from moderation.guards.contract import PASSED_BY, Finding, Guard
from moderation.guards.words import in_words
from moderation.policy import Level
from moderation.words import TOPICS
from service.deps import deps_of
from service.usecases import awaiting
from service.usecases.composing import Composer
from service.web import language, markdown
from service.web.access import me

_ROLES = {
    "owner": _l("an owner"),
    "manager": _l("a manager"),
    "responder": _l("a responder"),
}
_DANGERS = {
    "*": _l("any rule of danger"),
    "safety": _l("safety"),
    "threat": _l("threat"),
    "legal": _l("law, regulator or press"),
    "self_harm": _l("somebody in distress"),
}
_INCIDENTS = {
    "declared": _l("a manager opened one"),
    "alarm": _l("rules fire unusually often"),
}
_KINDS = {
    "role": _l("Who writes"),
    "topic": _l("What it is about"),
    "rule": _l("A rule of danger fired"),
    "incident": _l("An incident in the community"),
    "amount": _l("Money is promised"),
}
_LEVELS = {
    "draft": (_l("may draft"), _l("writes; somebody else sends")),
    "send": (_l("may send"), _l("writes and sends, where no rule wants a second person")),
    "approve": (_l("may pass guards"), _l("sends, and may pass every guard that can be passed, with a reason")),
}
_WIDTHS = {
    "public": _l("Public: everybody, and in public lists"),
    "unlisted": _l("Unlisted: everybody who has the link or follows us"),
}
#: Offered in the composer; the language of what is answered comes first to it anyway.
_LANGUAGES = ("en", "fr", "de", "es", "it", "nl", "pt", "pl", "sv", "da", "fi", "cs", "ja", "zh", "ar")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)


def finding_words(found: Finding) -> str:
    """What a guard found, in the reader's language."""
    return in_words(found, language.locale())


def quoted(text: str, found: Finding) -> str:
    """The place in the text that a finding is about; "" when it is about all of it."""
    return " ".join(text[found.start : found.end].split()) if 0 <= found.start < found.end <= len(text) else ""


def may_pass(found: Finding, level: Level) -> bool:
    """Whether somebody of this level may send against a finding, with a reason."""
    levels = tuple(Level)
    return not found.final and levels.index(level) >= levels.index(PASSED_BY[found.guard])


def by_guard(found: Sequence[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """Findings together by their guard, since one reason is given against a guard: the first, and all of them."""
    groups: dict[Guard, list[Finding]] = {}
    for one in found:
        groups.setdefault(one.guard, []).append(one)
    return [(group[0], group) for group in groups.values()]


def want_words(want: Mapping[str, str]) -> str:
    """Why a second person is asked."""
    kind, value = want["kind"], want["value"]
    if kind == "level":
        return str(_("its writer may only draft with this account"))
    if kind == "guard":
        return str(_("it goes against a guard"))
    if kind == "role":
        return str(_("written by %(role)s", role=_ROLES.get(value, value)))
    if kind == "topic":
        return str(_("about %(topic)s", topic=topic_word(value)))
    if kind == "rule":
        return str(_("a rule of danger fired: %(rule)s", rule=_DANGERS.get(value, value)))
    if kind == "incident":
        return str(_("an incident in the community: %(which)s", which=_INCIDENTS.get(value, value)))
    if kind == "amount":
        return str(_("it promises more than %(amount)s", amount=value))
    return str(_("a rule that this version does not know"))


def rule_value(kind: str, value: str) -> str:
    """What a rule of approval names, in words."""
    words = {"role": _ROLES, "rule": _DANGERS, "incident": _INCIDENTS}.get(kind, {})
    return topic_word(value) if kind == "topic" else str(words.get(value, value))


def rule_kind(kind: str) -> str:
    """What a rule of approval looks at."""
    return str(_KINDS.get(kind, kind))


def topic_word(topic: str) -> str:
    """A topic as people say it."""
    return TOPICS[language.locale()].get(topic, topic)


def level_word(level: str) -> str:
    """A right on a brand account, short."""
    return str(_LEVELS[level][0])


def level_words(level: str) -> str:
    """What such a right lets somebody do."""
    return str(_LEVELS[level][1])


def width_word(visibility: str) -> str:
    """A visibility with what it means."""
    return str(_WIDTHS.get(visibility, visibility))


def languages(chosen: str) -> list[tuple[str, str]]:
    """(code, name) of languages to choose from: the one that is chosen is always among them."""
    mine = Locale.parse(language.locale())
    codes = dict.fromkeys((*_LANGUAGES, chosen))
    named = [(code, (mine.languages.get(code) or code)) for code in codes if code]
    return [("", str(_("not said"))), *sorted(named, key=lambda pair: pair[1].casefold())]


def utc_field(at: datetime | None) -> str:
    """A time for a field of type datetime-local, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if at is not None else ""


def names(of: Sequence[str]) -> str:
    """Up to three names with “or”; the rest as “others”."""
    shown = list(of[:3]) + ([str(_("others"))] if len(of) > 3 else [])
    if len(shown) < 2:
        return "".join(shown)
    return str(_("%(names)s or %(last)s", names=", ".join(shown[:-1]), last=shown[-1]))


def appearing(c: Composer, found: Sequence[Finding]) -> Markup:
    """The post as it will appear; where its text is no Markdown, with what the guards found underlined."""
    if c.limits.markdown:
        return markdown.rendered(c.shown)
    shift = c.shown.find(c.text) if c.text else -1
    spans = sorted((f.start, f.end) for f in found if quoted(c.text, f)) if shift >= 0 else []
    pieces, at = [], 0
    for start, end in spans:
        if start + shift >= at:
            pieces += [
                escape(c.shown[at : start + shift]),
                Markup("<mark>{}</mark>").format(c.shown[start + shift : end + shift]),
            ]
            at = end + shift
    return Markup("").join([*pieces, escape(c.shown[at:])])


def counted(c: Composer) -> int:
    """What the browser's own count adds to: the mention and all else that the platform counts beside the text."""
    plain = _LINK.sub("x" * c.limits.link, c.text) if c.limits.link else c.text
    return c.length - len(plain)


def waiting_count() -> int:
    """How many answers wait for the person signed in, for the way there."""
    return awaiting.waiting_count(deps_of(current_app), me())


WORDS = (
    *(finding_words, quoted, may_pass, by_guard, want_words, rule_value, rule_kind, level_word, level_words),
    *(languages, width_word, utc_field, names, appearing, counted, waiting_count),
)
