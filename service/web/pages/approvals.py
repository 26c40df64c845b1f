"""Answers that wait for a second person: yes, yes with other words, or no with a note.

The role lets somebody onto the page; what they may judge there, their levels on brand accounts say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.guards.contract import Finding
from moderation.model import Capability
from service.usecases import awaiting, composing, outlived, replies
from service.usecases.composing import Composer
from service.usecases.replies import Changed, Guarded, Words
from service.web import forms
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.pages.reply import to_thread
from service.web.sentences import told


@dataclass(frozen=True, slots=True)
class Tried:
    """What a judge typed for one answer, and why it did not go through."""

    reply_id: int = 0
    text: str = ""
    note: str = ""
    problem: str = ""
    reasons: dict[str, str] = field(default_factory=dict)
    found: tuple[Finding, ...] = ()


@web.get("/approvals")
@needs(Capability.APPROVE)
def approvals() -> ResponseReturnValue:
    return _page()


@web.post("/approvals/<int:reply_id>/approve")
@needs(Capability.APPROVE)
def approve_reply(reply_id: int) -> ResponseReturnValue:
    """The second person's yes, to the words as they stand in the form."""
    _refuse_without_level(reply_id)
    shown = composing.composer(deps(), reply_id, me())
    try:
        replies.approve(deps(), reply_id, forms.version(), me(), _amended(shown))
    except Guarded as held:
        return _page(_tried(reply_id, found=held.findings)), 422
    except TenthError as error:
        return _page(_tried(reply_id, problem=told(error))), 409 if isinstance(error, Changed) else 422
    if "others" in request.form:
        awaiting.send_back_others(deps(), reply_id, _("Another answer to this conversation was approved."), me())
    return to_thread(reply_id)


@web.post("/approvals/<int:reply_id>/reject")
@needs(Capability.APPROVE)
def reject_reply(reply_id: int) -> ResponseReturnValue:
    _refuse_without_level(reply_id)
    try:
        replies.reject(deps(), reply_id, forms.version(), me(), request.form.get("note", ""))
    except TenthError as error:
        return _page(_tried(reply_id, problem=told(error))), 409 if isinstance(error, Changed) else 422
    flash(_("It is back with its writer, with your note."))
    return redirect(url_for("web.approvals"), 303)


@web.post("/approvals/<int:reply_id>/take")
@needs(Capability.APPROVE)
def take_reply(reply_id: int) -> ResponseReturnValue:
    """An answer whose author's rights ended becomes the judge's own draft."""
    try:
        outlived.take(deps(), reply_id, forms.version(), me())
    except TenthError as error:
        return _page(Tried(problem=told(error))), 409 if isinstance(error, Changed) else 422
    return redirect(url_for("web.reply", reply_id=reply_id), 303)


@web.post("/approvals/<int:reply_id>/drop")
@needs(Capability.APPROVE)
def drop_reply(reply_id: int) -> ResponseReturnValue:
    """An answer whose author's rights ended is given up, with a note for its author."""
    try:
        outlived.drop(deps(), reply_id, forms.version(), me(), request.form.get("note", ""))
    except TenthError as error:
        return _page(_tried(reply_id, problem=told(error))), 409 if isinstance(error, Changed) else 422
    flash(_("It is dropped. Its writer reads your note."))
    return redirect(url_for("web.approvals"), 303)


@web.post("/approvals/<int:reply_id>/read")
@needs(Capability.APPROVE)
def read_for_approval(reply_id: int) -> ResponseReturnValue:
    """The judge has read what came since the writer began."""
    _refuse_without_level(reply_id)
    try:
        replies.seen(deps(), reply_id, me(), request.form.get("upto", type=int))
    except TenthError as error:
        return _page(_tried(reply_id, problem=told(error))), 422
    return redirect(url_for("web.approvals", _anchor=f"r{reply_id}"), 303)


def _refuse_without_level(reply_id: int) -> None:
    if not awaiting.is_before(deps(), reply_id, me()):
        abort(403, _("You have no right to approve with this brand account."))


def _page(tried: Tried | None = None) -> str:
    cases = awaiting.waiting(deps(), me())
    judged = {draft.id for case in cases for draft in case.drafts if awaiting.may_judge(draft, me())}
    left = outlived.left(deps(), me())
    shown = {draft.id for case in cases for draft in case.drafts} | {one.id for one in left}
    about = {"cases": cases, "judged": judged, "left": left, "shown": shown}
    return render_template("approvals.html", tried=tried or Tried(), **about)


def _tried(reply_id: int, problem: str = "", found: tuple[Finding, ...] = ()) -> Tried:
    form = request.form
    return Tried(reply_id, form.get("text", ""), form.get("note", ""), problem, forms.reasons(), found)


def _amended(shown: Composer) -> Words | None:
    """None when the judge changed nothing: then it is the writer's own wording that is approved."""
    text = forms.words(shown.text)
    reasons = shown.reasons | {name: reason for name, reason in forms.reasons().items() if reason.strip()}
    if text == shown.text and reasons == shown.reasons:
        return None
    return Words(text, shown.content_warning, shown.visibility, shown.language, shown.send_at, reasons)
