"""A person's own settings: password, language, keys, sessions."""

from __future__ import annotations

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from flask_login import logout_user

from moderation.errors import BadInput
from moderation.model import Capability
from service.auth.passwords import MIN_LENGTH
from service.usecases import people
from service.web.access import enter, me
from service.web.blueprint import deps, needs, web
from service.web.limits import FAILED
from service.web.show import KEYS_COOKIE

_YEAR = 31_536_000


@web.get("/account")
@needs(Capability.ACCOUNT)
def account() -> ResponseReturnValue:
    return _account()


@web.post("/account/password")
@needs(Capability.ACCOUNT)
def change_password() -> ResponseReturnValue:
    """Changing it ends every other session."""
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _account(_("The two new passwords differ. Type the new one twice.")), 422
    if len(new) < MIN_LENGTH:
        return _account(_("A password needs %(count)s characters or more.", count=MIN_LENGTH)), 422
    try:
        person = people.change_password(deps(), me(), request.form.get("old", ""), new)
    except people.WrongPassword:
        return _account(_("The password you have now is not right. Nothing was changed.")), FAILED
    except BadInput as error:
        return _account(str(error)), 422
    enter(person)
    flash(_("The password is changed; other sessions are signed out."))
    return _back()


@web.post("/account/language")
@needs(Capability.ACCOUNT)
def change_language() -> ResponseReturnValue:
    people.set_locale(deps(), me(), request.form.get("locale", ""))
    session.pop("lang", None)
    refresh()
    return _back()


@web.post("/account/keys")
@needs(Capability.ACCOUNT)
def change_keys() -> ResponseReturnValue:
    """Single keys can be switched off, for those whom they would surprise."""
    response = current_app.make_response(_back())
    value = "on" if request.form.get("keys") == "on" else "off"
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(KEYS_COOKIE, value, max_age=_YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


@web.post("/account/sign-out-everywhere")
@needs(Capability.ACCOUNT)
def sign_out_everywhere() -> ResponseReturnValue:
    people.sign_out_everywhere(deps(), me())
    logout_user()
    session.clear()
    return redirect(url_for("web.sign_in"), 303)


def _account(problem: str = "") -> str:
    return render_template("account.html", problem=problem, least=MIN_LENGTH)


def _back() -> ResponseReturnValue:
    return redirect(url_for("web.account"), 303)
