"""Brand accounts: whether the platform still takes their credentials, and what each person may do with them."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput, TenthError
from moderation.model import Capability
from moderation.policy import Level
from service.usecases import accounts as kept
from service.usecases.accounts import Account
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.get("/accounts")
@needs(Capability.MANAGE)
def accounts() -> ResponseReturnValue:
    return _page()


@web.post("/accounts/<int:account_id>/levels")
@needs(Capability.MANAGE)
def give_level(account_id: int) -> ResponseReturnValue:
    """Gives somebody a level on an account, or takes it ("" as level)."""
    account, name, wanted = _account(account_id), request.form.get("person", ""), request.form.get("level", "")
    if wanted and wanted not in tuple(Level):
        abort(400)
    try:
        kept.give_level(deps(), account_id, name, Level(wanted) if wanted else None, me().actor)
    except BadInput as error:
        return _page(told(error)), 422
    words = _("%(person)s has a new right on %(account)s.") if wanted else _("%(person)s may not use %(account)s now.")
    flash(words % {"person": name, "account": account.handle})
    return _back(account_id)


@web.post("/accounts/<int:account_id>/check")
@needs(Capability.MANAGE)
def check_account(account_id: int) -> ResponseReturnValue:
    """Asks the platform whether it still takes our credential."""
    account = _account(account_id)
    try:
        found = kept.check_account(deps(), account_id)
    except TenthError as error:
        flash(_("%(name)s: %(problem)s", name=account.handle, problem=told(error)), "high")
        return _back(account_id)
    if found is not None and found.missing:
        what = "; ".join(found.missing)
        flash(_("%(name)s answers, but a right is missing: %(what)s", name=account.handle, what=what), "med")
    else:
        flash(_("%(name)s: the platform takes our credential.", name=account.handle))
    return _back(account_id)


@web.get("/accounts/<int:account_id>/close")
@needs(Capability.MANAGE)
def ask_close_account(account_id: int) -> ResponseReturnValue:
    """Asks again before an account is taken out of use."""
    return render_template("account_close.html", a=_account(account_id), problem="")


@web.post("/accounts/<int:account_id>/close")
@needs(Capability.MANAGE)
def close_account(account_id: int) -> ResponseReturnValue:
    account, reason = _account(account_id), request.form.get("reason", "").strip()[:500]
    if not reason:
        words = _("Say why: it stays in the log.")
        return render_template("account_close.html", a=account, problem=words), 422
    kept.close_account(deps(), account_id, me().actor, reason)
    flash(_("%(name)s is out of use; its credential is forgotten.", name=account.handle))
    return redirect(url_for("web.accounts"), 303)


def _page(problem: str = "") -> str:
    found = sorted(kept.accounts(deps()), key=lambda a: ("refused", "open", "closed").index(a.state))
    words = {"people": kept.may_have_levels(deps()), "levels": tuple(Level), "problem": problem}
    return render_template("accounts.html", accounts=found, **words)


def _account(account_id: int) -> Account:
    return next((a for a in kept.accounts(deps()) if a.id == account_id), None) or abort(404)


def _back(account_id: int) -> ResponseReturnValue:
    return redirect(url_for("web.accounts", _anchor=f"a{account_id}"), 303)
