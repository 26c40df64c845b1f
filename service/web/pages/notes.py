"""What stands beside a conversation, inside only: notes, who is called in, its team and labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from markupsafe import Markup, escape

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from service.usecases import cases, labels, notes, teams
from service.usecases.presence import Around, around
from service.web.access import me
from service.web.blueprint import deps, needs, web


@dataclass(frozen=True, slots=True)
class Beside:
    """Everything that `notes.html` and `presence.html` show of a case."""

    case_id: int
    notes: tuple[notes.Note, ...]
    marks: teams.Marks
    teams: tuple[teams.Shown, ...]
    labels: tuple[labels.Word, ...]
    around: Around
    called: bool


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"beside": beside, "noted": noted, "called_count": called_count}


def beside(case_id: int) -> Beside:
    """What stands beside a case, for the person who asks."""
    kept = tuple(notes.notes_of(deps(), case_id))
    mine = me().username
    return Beside(
        case_id,
        kept,
        teams.marks_of(deps(), [case_id]).get(case_id, teams.Marks()),
        tuple(teams.teams(deps())),
        tuple(labels.labels(deps())),
        around(deps(), case_id, me()),
        called=any(name == mine for note in kept for name, _answered in note.called),
    )


def noted(note: notes.Note) -> Markup:
    """A note's text, escaped, with those whom it calls in marked."""
    names = sorted((name for name, _answered in note.called), key=len, reverse=True)
    if not names:
        return escape(note.text)
    pattern = re.compile("|".join(f"@{re.escape(name)}" for name in names), re.IGNORECASE)
    pieces: list[Markup] = []
    at = 0
    for match in pattern.finditer(note.text):
        pieces += [escape(note.text[at : match.start()]), Markup('<b class="call">{}</b>').format(match.group())]
        at = match.end()
    return Markup("").join([*pieces, escape(note.text[at:])])


def called_count() -> int:
    """In how many cases the person who asks is called in and has not answered."""
    return notes.called_count(deps(), me().id) if current_user.is_authenticated else 0


@web.get("/cases/<int:case_id>/notes")
@needs(Capability.SEE)
def case_notes(case_id: int) -> ResponseReturnValue:
    return _page(case_id)


@web.post("/cases/<int:case_id>/notes")
@needs(Capability.SEE)
def add_note(case_id: int) -> ResponseReturnValue:
    """A note; what cannot be kept comes back with every word in the field."""
    text = request.form.get("text", "")
    thread_id = cases.thread_of(deps(), case_id)
    try:
        written = notes.add_note(deps(), case_id, text, me())
    except BadInput:
        words = _("A note has 1 to %(most)s characters and calls in at most %(people)s people.", **_limits())
        return _page(case_id, words, text), 422
    except NotAllowed:
        abort(403, _("Writing inside a case needs another role, or somebody who calls you in."))
    if written.unknown:
        names = ", ".join(f"@{name}" for name in written.unknown[:5])
        flash(_("The note is kept, but nobody who may read here is called %(names)s.", names=names), "med")
    return _back(case_id, thread_id)


@web.post("/notes/<int:note_id>/out")
@needs(Capability.SEE)
def take_note_out(note_id: int) -> ResponseReturnValue:
    try:
        case_id = notes.take_out(deps(), note_id, me())
    except NotAllowed:
        abort(403, _("A note is taken out by who wrote it, or by a manager."))
    flash(_("The note’s words are gone."))
    return _back(case_id, cases.thread_of(deps(), case_id))


@web.post("/cases/<int:case_id>/team")
@needs(Capability.TRIAGE)
def set_case_team(case_id: int) -> ResponseReturnValue:
    """Puts the case into a team's queue, or everybody's (no `team`)."""
    thread_id = cases.thread_of(deps(), case_id)
    teams.set_team(deps(), case_id, request.form.get("team", type=int), me())
    return _back(case_id, thread_id)


@web.post("/cases/<int:case_id>/labels")
@needs(Capability.TRIAGE)
def set_case_labels(case_id: int) -> ResponseReturnValue:
    thread_id = cases.thread_of(deps(), case_id)
    labels.set_labels(deps(), case_id, request.form.getlist("label", type=int), me())
    return _back(case_id, thread_id)


@web.get("/called")
@needs(Capability.SEE)
def called() -> ResponseReturnValue:
    found = notes.called(deps(), me())
    count = ngettext("%(num)s conversation asks for you.", "%(num)s conversations ask for you.", called_count())
    return render_template("called.html", calls=found, count=count)


@web.post("/called/<int:note_id>/aside")
@needs(Capability.SEE)
def put_aside(note_id: int) -> ResponseReturnValue:
    try:
        notes.put_aside(deps(), note_id, me())
    except BadInput:
        flash(_("This call was answered already."), "med")
    return redirect(url_for("web.called"), 303)


def _limits() -> dict[str, int]:
    return {"most": notes.LONGEST, "people": notes.MOST_CALLED}


def _page(case_id: int, problem: str = "", text: str = "") -> str:
    thread_id = cases.thread_of(deps(), case_id)
    words = {"thread_id": thread_id, "problem": problem, "typed": text[: notes.LONGEST]}
    return render_template("case_notes.html", side=beside(case_id), alone=True, **words)


def _back(case_id: int, thread_id: int) -> ResponseReturnValue:
    """Where the form stood: in the conversation, or on the page of the notes alone."""
    if request.form.get("page") == "notes":
        return redirect(url_for("web.case_notes", case_id=case_id), 303)
    return redirect(url_for("web.queue", thread=thread_id, _anchor="inside"), 303)
