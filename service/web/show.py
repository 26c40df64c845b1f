"""What templates call: words, shapes and figures for what the use cases return."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from moderation.model import Capability
from moderation.policy import allows
from moderation.scoring.bands import members_of
from service.deps import deps_of
from service.usecases.conversation import Shown
from service.usecases.desk import Source
from service.usecases.queue import Item, Line
from service.web import granting, judged, language, replying, text
from service.web.sentences import told

STATIC = Path(__file__).parent / "static"
_SOON, _LATE = 4 * 3600, 24 * 3600
_NOTABLE = 0.25
_BANDS = {
    "rule": (_l("Rule"), "high"),
    "high": (_l("High"), "high"),
    "medium": (_l("Medium"), "med"),
    "low": (_l("Low"), ""),
}
_REASON_ICONS = {
    "rule": ("band-rule", "high"),
    "self_harm": ("band-rule", "high"),
    "urgent": ("flag", "high"),
    "need": ("flag", "med"),
    "toxic": ("pulse", "high"),
    "toxicity": ("pulse", "high"),
    "rough": ("pulse", "med"),
    "turning": ("pulse", "med"),
    "velocity": ("pulse", "med"),
    "waiting": ("clock-in", "med"),
    "addressed": ("at", "high"),
}
_STATES = {
    "new": (_l("Not read yet"), "", "clock-in"),
    "reading": (_l("Reading the past"), "you", "refresh"),
    "ok": (_l("Reads"), "good", "check"),
    "slowed": (_l("Slowed: waits for its call budget"), "med", "clock-soon"),
    "failing": (_l("Does not answer as it should"), "high", "warn"),
    "cut_off": (_l("Cut off"), "high", "x"),
}
_ROLES = {"brand": _l("The brand"), "staff": _l("Staff"), "member": _l("Helps others")}
_RULES = {
    "safety": _l("safety"),
    "threat": _l("threat"),
    "legal": _l("law, regulator or press"),
    "self_harm": _l("somebody in distress"),
    "watched": _l("a watched word"),
}
_SCORERS = {
    "embedded": _l("the fast scorer"),
    "careful": _l("the careful scorer"),
    "detoxify": _l("Detoxify"),
    "detoxify-onnx": _l("Detoxify"),
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with its shape and its colour: none of them stands alone."""

    word: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Known:
    """How much of a conversation we have; widths in hundredths, `open` is hatched."""

    words: str
    known: int
    open: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The places of the tenth, in figures that add up."""

    decided: int
    open: int
    free: int
    over: int
    total: int


def install(app: Flask) -> None:
    """Makes these the templates' words."""

    @app.context_processor
    def _words() -> dict[str, Any]:
        signed_in = current_user.person if current_user and current_user.is_authenticated else None
        return {
            "me": signed_in,
            "may": lambda word: signed_in is not None and allows(signed_in.asking, Capability(word)),
            "keys_on": request.cookies.get(keys_cookie()) != "off",
            "lang": language.locale(),
            "other_lang": other_language,
        }

    for word in (
        *(asset, ago, until, band, clock, figure, reason_icon, row_reason, size_words, role_word, rule_words),
        *(scores, all_scores, numbers, spoke, known_replies, state_badge, budget),
        *(judged.heard, judged.accuracy, judged.rate),
        *replying.WORDS,
        *granting.WORDS,
    ):
        app.jinja_env.globals[word.__name__] = word
    app.jinja_env.filters.update(
        exact=language.exact,
        duration=language.duration,
        initials=text.initials,
        plain=text.plain,
        told=told,
        spaced=text.spaced,
        safe_url=text.safe_url,
        host=text.host,
        lang_tag=text.language_tag,
    )
    app.jinja_env.globals["marked"] = text.marked


def keys_cookie() -> str:
    """The name of the cookie that says whether single keys act."""
    return f"{current_app.config['COOKIE_PREFIX']}tenth_keys"


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of one of our files, with a digest, so that browsers may keep it."""
    return url_for("web.static", filename=name, v=_digest(name))


def other_language() -> str:
    """This page's address in the other language."""
    args = {k: v for k, v in request.args.items() if k != "lang"}
    args["lang"] = "en" if language.locale() == "fr" else "fr"
    endpoint = request.endpoint if request.method == "GET" and request.url_rule else "web.sign_in"
    return url_for(endpoint or "web.sign_in", **(request.view_args or {}) | args)


def ago(at: datetime | None) -> str:
    """How long ago a time is, in words."""
    return language.ago(at, _now())


def until(at: datetime) -> str:
    """How far ahead a time is, in words."""
    return language.until(at, _now())


def band(item: Item) -> Badge:
    """The priority as a word."""
    word, tone = _BANDS[item.band]
    return Badge(str(word), tone, f"band-{item.band}")


def clock(item: Item) -> Badge | None:
    """The wait in words; the shape says how long, too. None when nobody waits."""
    if item.lane not in ("needs", "always"):
        if item.look_again_at is None:
            return None
        when = language.until(item.look_again_at, _now())
        return Badge(_("look again %(when)s", when=when), "in", "clock-in")
    if item.waiting_seconds <= 0:
        return None
    tone, icon = ("late", "clock-late") if item.waiting_seconds >= _LATE else ("in", "clock-in")
    if _SOON <= item.waiting_seconds < _LATE:
        tone, icon = "soon", "clock-soon"
    return Badge(_("waits %(duration)s", duration=language.duration(item.waiting_seconds)), tone, icon)


def reason_icon(kind: str) -> tuple[str, str]:
    """Icon and tone of a reason."""
    return _REASON_ICONS.get(kind, ("people", ""))


def role_word(role: str) -> str:
    """An author's role as seen from the brand; "" for a customer."""
    return str(_ROLES.get(role, ""))


def rule_words(rules: tuple[str, ...]) -> str:
    """Rules in words."""
    return ", ".join(str(_RULES.get(r, r)) for r in rules)


def scores(of: Shown) -> list[str]:
    """What is worth saying of a message's scores: its tone, and need and mood where they stand out."""
    tone, need, mood = all_scores(of)
    return [tone] + [need] * (of.urgency >= _NOTABLE) + [mood] * (abs(of.sentiment) >= _NOTABLE)


def all_scores(of: Shown) -> list[str]:
    """A message's scores in words: tone, need, mood."""
    tone = _step(of.toxicity, (_("calm"), _("rough"), _("hostile")), (0.3, 0.6))
    need = _step(of.urgency, (_("asks for nothing"), _("may need an answer"), _("needs an answer")), (_NOTABLE, 0.6))
    mood = _step(of.sentiment, (_("unhappy"), _("neutral"), _("happy")), (-_NOTABLE, _NOTABLE))
    return [tone, need, mood]


def numbers(of: Shown) -> str:
    """The numbers behind the words."""
    values = {"toxicity": figure(of.toxicity), "urgency": figure(of.urgency), "sentiment": figure(of.sentiment)}
    return str(_("toxicity %(toxicity)s, urgency %(urgency)s (0 to 1), sentiment %(sentiment)s (−1 to 1)", **values))


def spoke(of: Shown) -> str:
    """Which scorers read the message, in words and in their order."""
    return " + ".join(str(_SCORERS.get(name, name)) for name in members_of(of.scorer))


def figure(value: float) -> str:
    """A score with two decimals, as the language writes it."""
    return str(format_decimal(value, "0.00;−0.00"))


def size_words(count: int) -> str:
    """A size as people say it."""
    if count < 1000:
        return str(ngettext("%(num)s byte", "%(num)s bytes", count))
    return str(_("%(count)s kB", count=format_decimal(round(count / 1000, 1))))


def row_reason(item: Item) -> str:
    """The strongest reason that quotes the message; a general one says less than the message itself."""
    return next((text.spaced(r.text) for r in item.reasons if not r.against and text.quotes([r])), "")


def _step(value: float, words: tuple[str, str, str], at: tuple[float, float]) -> str:
    return words[0] if value < at[0] else words[1] if value < at[1] else words[2]


def known_replies(item: Item) -> Known:
    """How many replies we know of how many there are; the total is a lower bound, or unknown."""
    known, total = item.known_replies, item.total_replies
    if total is None:
        words = ngettext("%(num)s reply known", "%(num)s replies known", known)
        return Known(_("%(known)s; the platform does not say how many there are", known=words), 70, 30)
    if total > known:
        words = _("%(known)s of at least %(total)s replies known", known=known, total=total)
        share = max(4, min(95, round(100 * known / total)))
        return Known(words, share, 100 - share)
    if known == 0:
        return Known(_("No replies yet"), 100, 0)
    words = ngettext("The one reply is known", "All %(num)s replies that the platform counts are known", known)
    return Known(words, 100, 0)


def state_badge(source: Source) -> Badge:
    """What a connection does now."""
    word, tone, icon = _STATES.get(source.state, (source.state, "", "clock-in"))
    return Badge(str(word), tone, icon)


def budget(line: Line) -> Budget:
    """The places of the tenth: used by decisions, by open cases, free, or overdrawn."""
    used = line.decided + line.surfaced
    return Budget(line.decided, line.surfaced, max(0, line.budget - used), max(0, used - line.budget), line.budget)


def _now() -> datetime:
    """One "now" a request, so that a page does not contradict itself."""
    if "tenth_now" not in g:
        g.tenth_now = deps_of(current_app).now()
    now: datetime = g.tenth_now
    return now
