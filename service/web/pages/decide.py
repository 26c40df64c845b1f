"""Decisions on a case, by forms. What was typed is never lost to somebody else being faster."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.model import Capability
from service.usecases import cases
from service.usecases.conversation import thread_page
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web

SNOOZES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1), "3d": timedelta(days=3)}
#: Verbs after which the next conversation is opened, and that can be undone.
_MOVES_ON = frozenset({"leave", "snooze", "decide"})
_LONGEST_TITLE = 80


@web.post("/cases/<int:case_id>/<verb>")
@needs(Capability.TRIAGE)
def decide(case_id: int, verb: str) -> ResponseReturnValue:
    if verb not in cases.VERBS:
        abort(404)
    intent = cases.Intent(verb, _number("version"), _until(verb), request.form.get("note", ""))
    try:
        done = cases.act(deps(), case_id, intent, me())
    except cases.Stale:
        return _stale(case_id, verb, intent.note)
    except cases.NeedsNote:
        return _ask_why(case_id, intent.version)
    session["undo"] = replace(done, title=done.title[:_LONGEST_TITLE]).to_json()
    return redirect(_where(verb, done.thread_id), 303)


@web.post("/cases/<int:case_id>/undo")
@needs(Capability.TRIAGE)
def undo(case_id: int) -> ResponseReturnValue:
    kept = session.pop("undo", None)
    if not kept or kept["case_id"] != case_id:
        abort(400)
    done = cases.Done.from_json(kept)
    try:
        cases.undo(deps(), done, me())
    except cases.Stale:
        return _stale(case_id, "", "")
    flash(_("Taken back: the conversation is where it was."))
    return redirect(url_for("web.queue", thread=done.thread_id), 303)


def _number(name: str) -> int:
    value = request.form.get(name, "")
    if not value.isdecimal() or len(value) > 12:
        abort(400)
    return int(value)


def _until(verb: str) -> datetime | None:
    pause = SNOOZES.get(request.form.get("for", ""))
    return deps().now() + pause if verb == "snooze" and pause else None


def _where(verb: str, thread_id: int) -> str:
    following = request.form.get("next", "")
    moved = verb in _MOVES_ON
    target = (int(following) if following.isdecimal() else None) if moved else thread_id
    community = request.form.get("community", type=int)
    lane = request.form.get("lane") if request.form.get("lane") in ("left", "decided") else None
    team = request.form.get("team", "")[:9] or None
    return url_for("web.queue", thread=target, community=community, lane=lane, team=team)


def _ask_why(case_id: int, version: int) -> ResponseReturnValue:
    """Somebody else has it: taking it over takes a word to them."""
    page = thread_page(deps(), cases.thread_of(deps(), case_id), language.locale())
    return render_template("takeover.html", item=page.item, version=version), 422


def _stale(case_id: int, verb: str, note: str) -> ResponseReturnValue:
    page = thread_page(deps(), cases.thread_of(deps(), case_id), language.locale())
    can_repeat = bool(verb) and page.item.state in cases.VERBS[verb]
    words = {
        "page": page,
        "item": page.item,
        "verb": verb,
        "note": note[: cases.LONGEST_NOTE],
        "pause": request.form.get("for", ""),
        "can_repeat": can_repeat,
        "history": cases.history(deps(), case_id, 3),
    }
    return render_template("stale.html", **words), 409
