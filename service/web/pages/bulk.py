"""One decision on many: choose, read what would happen and to how many, then do it; one undo for all."""

from __future__ import annotations

from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from moderation.errors import BadInput
from moderation.model import Capability
from service.usecases import bulk, desk, labels, teams
from service.usecases.bulk import Shown, Wish
from service.usecases.queue import queue_page
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.pages.decide import SNOOZES
from service.web.pages.teams import team_word

#: Conversations that one page offers to choose from.
PAGE = 200
_LANES = ("needs", "left")


@web.get("/bulk")
@needs(Capability.TRIAGE)
def choose_many() -> ResponseReturnValue:
    """The part of the queue that was asked for, with a box at each conversation."""
    args = request.args
    lane, community, team = args.get("lane", "needs"), args.get("community", type=int), args.get("team", type=int)
    if lane not in _LANES:
        abort(404)
    wanted = [team] if team is not None else None
    found = queue_page(deps(), lane, language.locale(), size=PAGE, community=community, teams=wanted)
    return render_template(
        "bulk.html",
        queue=found,
        lane=lane,
        community=community,
        team=team,
        places=desk.places(deps()),
        teams=teams.teams(deps()),
        labels=labels.labels(deps()),
        marks=teams.marks_of(deps(), [item.case_id for item in found.items]),
        most=bulk.MOST,
    )


@web.post("/bulk")
@needs(Capability.TRIAGE)
def ask_many() -> ResponseReturnValue:
    """The first step: keeps what is wanted and at which versions, and shows it. Nothing is decided."""
    seen = _seen()
    if not seen:
        flash(_("Choose at least one conversation."), "med")
        return redirect(url_for("web.choose_many", lane=_lane()), 303)
    try:
        number = bulk.ask(deps(), seen, _wish(), me())
    except BadInput:
        flash(_("This cannot be done to many: choose what to do, and at most %(most)s.", most=bulk.MOST), "high")
        return redirect(url_for("web.choose_many", lane=_lane()), 303)
    return redirect(url_for("web.many", bulk_id=number), 303)


@web.get("/bulk/<int:bulk_id>")
@needs(Capability.TRIAGE)
def many(bulk_id: int) -> ResponseReturnValue:
    """What would happen, or what happened."""
    found = bulk.shown(deps(), bulk_id, me())
    undo = found.undo_until is not None and deps().now() <= found.undo_until
    shown = [line for line in found.lines if line.outcome == ("" if found.state == "asked" else "done")]
    passed = [line for line in found.lines if line.outcome in ("stale", "held", "same", "kept")]
    return render_template(
        "bulk_asked.html", bulk=found, lines=shown, passed=passed, undo=undo, what=what_happens(found)
    )


@web.post("/bulk/<int:bulk_id>/do")
@needs(Capability.TRIAGE)
def do_many(bulk_id: int) -> ResponseReturnValue:
    """The second step."""
    try:
        bulk.do(deps(), bulk_id, me())
    except BadInput:
        flash(_("This was asked too long ago, or what it needs is gone. Choose the conversations again."), "high")
        return redirect(url_for("web.choose_many"), 303)
    return redirect(url_for("web.many", bulk_id=bulk_id), 303)


@web.post("/bulk/<int:bulk_id>/undo")
@needs(Capability.TRIAGE)
def undo_many(bulk_id: int) -> ResponseReturnValue:
    try:
        bulk.undo(deps(), bulk_id, me())
    except BadInput:
        flash(_("The time to undo has passed. Reopen conversations one by one."), "high")
    return redirect(url_for("web.many", bulk_id=bulk_id), 303)


def what_happens(found: Shown) -> str:
    """What a bulk decision does to how many, as one sentence."""
    wish, count = found.wish, sum(1 for line in found.lines if line.outcome in ("", "done", "undone"))
    words: str
    if wish.verb == "leave":
        words = ngettext("Leave %(num)s to the community", "Leave %(num)s to the community", count)
    elif wish.verb == "decide":
        words = ngettext("Mark %(num)s as handled", "Mark %(num)s as handled", count)
    elif wish.verb == "snooze" and wish.until is not None:
        when = language.until(wish.until, deps().now())
        words = ngettext("Snooze %(num)s; back %(when)s", "Snooze %(num)s; back %(when)s", count, when=when)
    elif wish.verb == "label":
        words = ngettext("Put “%(label)s” on %(num)s", "Put “%(label)s” on %(num)s", count, label=found.choice)
    elif wish.team is None:
        words = ngettext("Put %(num)s into everybody’s queue", "Put %(num)s into everybody’s queue", count)
    else:
        team = team_word(found.choice)
        words = ngettext(
            "Put %(num)s into the queue of %(team)s", "Put %(num)s into the queue of %(team)s", count, team=team
        )
    return words


def _seen() -> list[tuple[int, int]]:
    """Cases and the versions that the person saw, as `case=ID:VERSION`."""
    found = []
    for value in request.form.getlist("case"):
        number, _sep, version = value.partition(":")
        if not (number.isdecimal() and version.isdecimal() and len(value) <= 40):
            abort(400)
        found.append((int(number), int(version)))
    return found


def _wish() -> Wish:
    form = request.form
    return Wish(form.get("verb", ""), _until(), form.get("label", type=int), form.get("team", type=int))


def _until() -> datetime | None:
    pause = SNOOZES.get(request.form.get("for", ""))
    return deps().now() + pause if pause and request.form.get("verb") == "snooze" else None


def _lane() -> str | None:
    return "left" if request.form.get("lane") == "left" else None
