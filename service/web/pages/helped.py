"""Did it help: the few figures that matter, by community, topic and team; and the hours and targets behind them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from moderation.evaluation.metrics import Estimate
from moderation.feelings import Moves
from moderation.model import Capability
from moderation.words import TOPICS
from service.usecases import clocks, desk, targets
from service.usecases.clocks import Clock
from service.usecases.helped import helped as measured
from service.usecases.targets import Place, Typed, Unread
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.pages.quality import percent
from service.web.show import Badge, figure

#: Spans of time that the page offers, in days.
SPANS = (7, 28, 90, 365)
#: A mood beyond this is more than neutral, as beside a message.
_MOOD = 0.25
_FIELDS = ("zone", "holidays", "response", "resolution", "mark", "notify", "escalate")
_PROBLEMS = {
    "zone": _l("There is no such time zone. Write it like Europe/Paris."),
    "day": _l("This is no time of a day. Write it like 09:00-12:00, 14:00-18:00."),
    "holidays": _l("One of these is no date. Write them like 2026-12-25, 200 at most."),
    "response": _l("This is no length of time. Write it like 45 min, 4 h or 1 h 30."),
    "resolution": _l("This is no length of time. Write it like 45 min, 4 h or 1 h 30."),
    "mark": _l("Write a number from 1 to 1000, in percent of the target."),
    "notify": _l("Write a number from 1 to 1000, in percent of the target."),
    "escalate": _l("Write a number from 1 to 1000, in percent of the target, not below the steps before it."),
}


@web.get("/helped")
@needs(Capability.MEASURE)
def helped() -> ResponseReturnValue:
    days, community = request.args.get("days", 28, type=int), request.args.get("community", type=int)
    places = desk.places(deps())
    if days not in SPANS or (community is not None and community not in {p.id for p in places}):
        abort(404)
    since = deps().now() - timedelta(days=days)
    report = measured(deps(), since, None if community is None else [community])
    groups = [g for g in report.topics if g.figures.conversations]
    groups.sort(key=lambda g: (g.connection, g.community, g.community_id, -g.figures.conversations))
    words = {"percent": percent, "mood": mood, "wait": wait, "topic": topic, "change": change}
    chosen = {"days": days, "community": community, "spans": SPANS, "places": places}
    found: dict[str, Any] = {"report": report, "groups": groups, "verdict": verdict(report.figures.ours)}
    found["alerts"] = clocks.alerts(deps(), me())
    return render_template("helped.html", **words, **chosen, **found)


def verdict(of: Moves) -> Badge:
    """What the interval of the mean change allows to say."""
    if of.change is None:
        return Badge(_("Too few came back to tell"), "", "clock-in")
    if of.change.low > 0:
        return Badge(_("People leave happier"), "good", "check")
    if of.change.high < 0:
        return Badge(_("People leave unhappier"), "high", "warn")
    return Badge(_("No clear change"), "med", "clock-soon")


def mood(sentiment: float) -> str:
    """A sentiment in a word."""
    if abs(sentiment) < _MOOD:
        return str(_("neutral"))
    return str(_("happy") if sentiment > 0 else _("unhappy"))


def wait(seconds: float) -> str:
    """A length of time; what took no time that counts is said so."""
    return language.duration(seconds) if seconds >= 1 else str(_("at once"))


def change(of: Estimate) -> str:
    """A mean change with its sign."""
    return ("+" if of.value > 0 else "") + figure(of.value)


def topic(name: str) -> str:
    """What a conversation is about."""
    return TOPICS[language.locale()].get(name, name) if name else str(_("no clear topic"))


def due_badge(clock: Clock) -> Badge:
    """When a case is due in words and in a shape, for a row of the queue."""
    length = language.duration(abs(clock.seconds))
    word = _("overdue %(duration)s", duration=length) if clock.overdue else _("due in %(duration)s", duration=length)
    return Badge(str(word), clock.shape, f"clock-{clock.shape}")


# ------------------------------------------------------------------ hours and targets


@web.get("/targets")
@needs(Capability.MANAGE)
def hours_and_targets() -> ResponseReturnValue:
    return _targets()


@web.post("/targets/<int:community_id>")
@needs(Capability.MANAGE)
def set_targets(community_id: int) -> ResponseReturnValue:
    form = request.form
    week = tuple(form.get(f"day{n}", "") for n in range(7))
    typed = Typed(week=week, **{name: form.get(name, "") for name in _FIELDS})
    if community_id not in {place.id for place in targets.places(deps())}:
        abort(404)
    try:
        plan = targets.set_plan(deps(), community_id, typed, me())
    except Unread as refused:
        return _targets(community_id, typed, {name: _problem(name) for name in refused.problems}), 422
    flash(_("Kept. Clocks run by it from here on."))
    if not any(plan.hours.week) and (plan.targets.response or plan.targets.resolution):
        flash(_("It has no hours at all: nothing there is ever due."))
    return redirect(url_for("web.hours_and_targets", _anchor=f"c{community_id}"), 303)


def _targets(wrong: int = 0, typed: Typed | None = None, problems: dict[str, str] | None = None) -> str:
    rows = [(p, typed if typed and p.id == wrong else targets.typed(p.plan)) for p in targets.places(deps())]
    kept: dict[str, Any] = {"rows": rows, "wrong": wrong, "problems": problems or {}}
    return render_template("targets.html", zones=_zones(), day_names=_days(), in_short=in_short, **kept)


def in_short(place: Place) -> str:
    """A plan on one line."""
    goals = place.plan.targets
    if goals.response is None and goals.resolution is None:
        return str(_("no target"))
    parts = []
    if goals.response:
        parts.append(_("answer within %(length)s", length=targets.length_text(goals.response)))
    if goals.resolution:
        parts.append(_("solved within %(length)s", length=targets.length_text(goals.resolution)))
    return ", ".join(str(part) for part in parts)


def _problem(field: str) -> str:
    return str(_PROBLEMS["day" if field.startswith("day") else field])


def _days() -> tuple[str, ...]:
    names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
    return tuple(str(name) for name in names)


@cache
def _zones() -> tuple[str, ...]:
    """Zones by place; the old short names stay possible, unnamed."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))
