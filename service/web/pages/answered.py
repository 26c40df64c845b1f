"""Answers that are in public: shown with their history, edited, taken down; and what nobody knows the end of."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.guards.contract import Finding
from moderation.model import Capability
from service.db.models import Action
from service.usecases import sent, unknowns
from service.usecases.answers import Answer, answer, answers, thread_of
from service.usecases.replies import Changed, Guarded
from service.web import forms
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.pages.reply import to_thread
from service.web.sentences import told


@web.get("/threads/<int:thread_id>/answers")
@needs(Capability.SEE)
def own_answers(thread_id: int) -> ResponseReturnValue:
    """The brand's answers that are on their way: asked for again while something moves."""
    found = answers(deps(), thread_id, me())
    response = Response(render_template("answers.html", answers=found, known=_known()), mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


@web.get("/replies/<int:reply_id>/edit")
@needs(Capability.EDIT)
def ask_edit(reply_id: int) -> ResponseReturnValue:
    shown = _public(reply_id)
    return _ask(shown, "edit", shown.text) if shown.may_edit else to_thread(reply_id)


@web.post("/replies/<int:reply_id>/edit")
@needs(Capability.EDIT)
def edit_reply(reply_id: int) -> ResponseReturnValue:
    """First shows old and new words side by side; then, when that was seen, changes them in public."""
    shown, text = _public(reply_id), forms.words()
    if "sure" not in request.form:
        changed = text.strip() and text.strip() != shown.text.strip()
        return _ask(shown, "confirm" if changed and "again" not in request.form else "edit", text)
    try:
        sent.edit_sent(deps(), reply_id, forms.version(), text, me(), forms.reasons())
    except Guarded as held:
        return _ask(shown, "confirm", text, found=held.findings), 422
    except TenthError as error:
        return _ask(shown, "edit", text, told(error)), 409 if isinstance(error, Changed) else 422
    return to_thread(reply_id)


@web.get("/replies/<int:reply_id>/delete")
@needs(Capability.DELETE)
def ask_delete(reply_id: int) -> ResponseReturnValue:
    shown = _public(reply_id)
    return _ask(shown, "delete", shown.text) if shown.may_delete else to_thread(reply_id)


@web.post("/replies/<int:reply_id>/delete")
@needs(Capability.DELETE)
def delete_reply(reply_id: int) -> ResponseReturnValue:
    shown = _public(reply_id)
    try:
        sent.delete_sent(deps(), reply_id, forms.version(), me(), request.form.get("reason", ""))
    except TenthError as error:
        return _ask(shown, "delete", shown.text, told(error)), 409 if isinstance(error, Changed) else 422
    return to_thread(reply_id)


@web.post("/actions/<int:action_id>/there")
@needs(Capability.REPLY)
def it_is_there(action_id: int) -> ResponseReturnValue:
    """A person looked on the platform: it happened."""
    back = _back(action_id)
    try:
        unknowns.it_is_there(deps(), action_id, request.form.get("where", ""), me())
    except TenthError as error:
        flash(told(error), "med")
    else:
        flash(_("Noted: it is there."))
    return back


@web.post("/actions/<int:action_id>/missing")
@needs(Capability.REPLY)
def it_is_missing(action_id: int) -> ResponseReturnValue:
    """A person looked on the platform: it did not happen. Nothing is sent again by this."""
    back = _back(action_id)
    try:
        unknowns.it_is_not_there(deps(), action_id, me())
    except TenthError as error:
        flash(told(error), "med")
    else:
        flash(_("Noted: it is not there. The words are a draft again."))
    return back


def _ask(shown: Answer, step: str, text: str, problem: str = "", found: Sequence[Finding] = ()) -> str:
    words = {"a": shown, "step": step, "text": text, "problem": problem, "found": found, "given": forms.reasons()}
    words["back"] = thread_of(deps(), shown.id)
    return render_template("answered.html", **words)


def _public(reply_id: int) -> Answer:
    shown = answer(deps(), reply_id, me())
    return shown if shown is not None and shown.state == "sent" else abort(404)


def _known() -> set[str]:
    """Answers that the page shows as messages already, so that they are not shown twice."""
    return set(request.args.getlist("known"))


def _back(action_id: int) -> ResponseReturnValue:
    with deps().store.read() as session:
        row = session.get(Action, action_id)
    return to_thread(row.reply_id) if row is not None and row.reply_id is not None else abort(404)
