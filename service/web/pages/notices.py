"""Notices of illegal content: the form and the receipt for everybody, the list and the decision for the desk."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from moderation import notices as rule_of
from moderation.errors import BadInput, TenthError
from moderation.model import Capability
from moderation.notices import NAMELESS, Given
from moderation.statements import KEYWORDS, OTHER, category_words
from service.usecases import notice_receipts, notices, rules
from service.usecases.notices import Decision
from service.web import forms, language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told

_DID = {
    "hide": _l("The message was hidden."),
    "lock": _l("The conversation was closed to new messages."),
    "warn": _l("Its author was warned."),
    "silence": _l("Its author may read but not write for a time."),
}
_DO = {
    "hide": _l("Hide the message"),
    "lock": _l("Close the conversation"),
    "warn": _l("Warn its author"),
    "silence": _l("Silence its author"),
}
#: Hours of a silence that the page offers.
HOURS = (24, 72, 168)
_DECIDED = ("did", "reason", "rule", "hours", "url", "ground", "law")
_TYPED = ("urls", "category", "explanation", "name", "address", "good_faith")


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"noticed_as": _category, "noticed_did": lambda kind: str(_DID.get(kind, "")), "open_notices": _open_notices}


@web.get("/notice")
@needs(Capability.VISIT)
def notice_form() -> ResponseReturnValue:
    return _form({"urls": request.args.get("url", "")[: rule_of.URL]})


@web.post("/notice")
@needs(Capability.VISIT)
def send_notice() -> ResponseReturnValue:
    """Keeps a notice. What was typed comes back with the reason where it cannot be taken."""
    form = request.form
    given = Given(
        urls=tuple(form.get("urls", "").split()),
        category=form.get("category", ""),
        explanation=form.get("explanation", ""),
        name=form.get("name", ""),
        address=form.get("address", ""),
        good_faith=form.get("good_faith") == "1",
        language=language.locale(),
    )
    try:
        code = notices.receive(deps(), given)
    except BadInput as error:
        typed = {name: form.get(name, "")[: 2 * rule_of.EXPLANATION] for name in _TYPED}
        return _form(typed, told(error)), 422
    return redirect(url_for("web.notice_receipt", code=code), 303)


@web.get("/notice/<code>")
@needs(Capability.VISIT)
def notice_receipt(code: str) -> ResponseReturnValue:
    found = notice_receipts.receipt(deps(), code) or abort(404)
    return render_template("notice_receipt.html", found=found, code=code)


@web.get("/notices")
@needs(Capability.JUDGE)
def all_notices() -> ResponseReturnValue:
    return _page()


@web.post("/notices/<int:notice_id>/decide")
@needs(Capability.JUDGE)
def decide_notice(notice_id: int) -> ResponseReturnValue:
    form = request.form
    did = form.get("did", "")
    decision = Decision(
        acted=did != "reject",
        reason=form.get("reason", ""),
        kind=Capability(did) if did in _DO else None,
        hours=form.get("hours", type=int),
        rule_id=form.get("rule", type=int),
        law=forms.law(),
    )
    if did not in {*_DO, "reject", "elsewhere"}:
        return _page(notice_id, _("Choose what is to be done.")), 422
    try:
        notices.decide(deps(), notice_id, decision, me())
    except TenthError as error:
        return _page(notice_id, told(error)), 422
    flash(_("It is decided. Whoever gave notice reads it on their receipt."))
    return redirect(url_for("web.all_notices"), 303)


@web.post("/notices/<int:notice_id>/place")
@needs(Capability.JUDGE)
def place_notice(notice_id: int) -> ResponseReturnValue:
    """Looks through all messages for the one that a notice is about."""
    if not notices.place(deps(), notice_id, request.form.get("url", ""), me()):
        return _page(notice_id, _("No message here has this address.")), 422
    return redirect(url_for("web.all_notices", _anchor=f"n{notice_id}"), 303)


def _form(typed: dict[str, str], problem: str = "") -> str:
    kept = {name: typed.get(name, "") for name in _TYPED}
    choices = {group: words for group, words in KEYWORDS.items() if group != OTHER} | {OTHER: ()}
    return render_template("notice.html", typed=kept, problem=problem, choices=choices, nameless=NAMELESS, most=rule_of)


def _page(tried: int = 0, problem: str = "") -> str:
    decided = request.values.get("show") == "decided"
    shown, older = notices.notices(deps(), decided=decided, before=request.args.get("before", type=int))
    by_rule = {c: rules.rules_of(deps(), c) for c in {one.content.community_id for one in shown if one.content}}
    typed = {name: request.form.get(name, "")[: notices.REASON] for name in _DECIDED}
    about = {"shown": shown, "older": older, "decided": decided, "rules": by_rule, "do": _DO, "hours": HOURS}
    return render_template("notices.html", tried=tried, problem=problem, typed=typed, **about)


def _category(keyword: str) -> str:
    if keyword == OTHER:
        return str(_("Something else that the law forbids"))
    return category_words(keyword, language.locale())


def _open_notices() -> int:
    """How many wait, for the rail."""
    return notices.open_count(deps()) if current_user.is_authenticated else 0
