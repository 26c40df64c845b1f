"""Appeals: an author's page behind a signed link, without an account; and the page of those who decide."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.model import Capability
from service.usecases import appealed, appeals
from service.usecases.appeal_links import contest_address
from service.web import redressing
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.elsewhere import own_address
from service.web.sentences import told


@web.route("/appeal/<token>", methods=["GET", "POST"])
@needs(Capability.VISIT)
def contest(token: str) -> ResponseReturnValue:
    """What was decided, and why; a form to contest it once. Looking changes nothing."""
    problem, status = "", 200
    try:
        if request.method == "POST":
            appeals.contest(deps(), token, request.form.get("text", ""))
            return redirect(url_for("web.contest", token=token), 303)
        shown = appeals.look(deps(), token)
    except (appeals.NoSuchLink, appeals.TooLate) as error:
        return _ended(told(error), 410 if isinstance(error, appeals.TooLate) else 404)
    except TenthError as error:
        problem, status = told(error), 409 if isinstance(error, appeals.Decided) else 422
        shown = appeals.look(deps(), token)
    page = render_template(
        "appeal.html",
        s=shown,
        token=token,
        problem=problem,
        typed=request.form.get("text", ""),
        longest=appeals.LONGEST,
        **redressing.WORDS,
    )
    return page, status


@web.get("/appeals")
@needs(Capability.JUDGE)
def all_appeals() -> ResponseReturnValue:
    return _page()


@web.post("/appeals/<int:appeal_id>")
@needs(Capability.JUDGE)
def judge_appeal(appeal_id: int) -> ResponseReturnValue:
    outcome, reason = request.form.get("outcome", ""), request.form.get("reason", "")
    try:
        appeals.decide(deps(), appeal_id, me(), outcome, reason)
    except TenthError as error:
        return _page(told(error), appeal_id), 422
    flash(_("It is overturned.") if outcome == "overturned" else _("The decision stands."))
    return redirect(url_for("web.all_appeals"), 303)


@web.get("/statements/<int:action_id>")
@needs(Capability.JUDGE)
def show_statement(action_id: int) -> ResponseReturnValue:
    """A statement of reasons as it was given, with the author's link where the platform did not carry it."""
    kept = appealed.statement(deps(), action_id)
    if kept is None:
        abort(404)
    link = contest_address(deps(), kept.statement_id, _own())
    return render_template("statement.html", kept=kept, s=kept.shown, link=link, **redressing.WORDS)


@web.app_template_global()
def open_appeals() -> int:
    """How many appeals wait, for the rail."""
    return appealed.open_appeals(deps())


def _ended(words: str, status: int) -> ResponseReturnValue:
    return render_template("appeal.html", s=None, problem=words), status


def _page(problem: str = "", tried: int = 0) -> str:
    found = appealed.appeals(deps(), me())
    return render_template(
        "appeals.html",
        open=[one for one in found if one.state == "open"],
        decided=[one for one in found if one.state != "open"],
        untold=appealed.untold(deps()),
        problem=problem,
        tried=tried,
        typed=request.form,
        **redressing.WORDS,
    )


def _own() -> str:
    """This desk's address; "" where we do not know it."""
    try:
        return own_address()
    except TenthError:
        return ""
