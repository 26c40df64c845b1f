"""A person's own settings: password, language, keys, sessions, and showing again who they are."""

from __future__ import annotations

from flask import current_app, flash, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh

from moderation.model import Capability
from service.auth.passwords import MIN_LENGTH, WeakPassword
from service.usecases import factors, lockout, passkeys, people, sessions
from service.web import access, ceremony
from service.web.access import enter, here, leave, local_path, me, proven
from service.web.blueprint import deps, needs, web
from service.web.limits import FAILED, LOCKED
from service.web.sentences import told
from service.web.show import keys_cookie

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
    try:
        if not _is_mine(request.form.get("old", "")):
            return _account(_("The password you have now is not right. Nothing was changed.")), FAILED
        people.set_password(deps(), me().username, new, me().actor)
    except lockout.Locked:
        return _account(_locked()), LOCKED
    except WeakPassword as error:
        return _account(told(error)), 422
    enter(me())
    flash(_("The password is changed; other sessions are signed out."))
    return _back()


@web.route("/account/prove", methods=["GET", "POST"])
@needs(Capability.ACCOUNT)
def prove() -> ResponseReturnValue:
    """Asks again who it is, before what would let somebody else stay."""
    target = _target()
    if request.method == "GET":
        return _prove(target)
    try:
        if not _is_mine(request.form.get("password", "")):
            return _prove(target, _("This is not your password.")), FAILED
    except lockout.Locked:
        return _prove(target, _locked()), LOCKED
    access.prove("password")
    return redirect(target, 303)


@web.post("/account/prove/passkey/ask")
@needs(Capability.ACCOUNT)
def ask_proof() -> ResponseReturnValue:
    options = passkeys.ask(ceremony.the_site(), ceremony.begin("prove"))
    return options, {"Content-Type": "application/json"}


@web.post("/account/prove/passkey")
@needs(Capability.ACCOUNT)
def prove_by_passkey() -> ResponseReturnValue:
    """The same by a passkey, which must be this person's."""
    try:
        person = passkeys.use(deps(), ceremony.the_site(), *ceremony.finish("prove"))
    except passkeys.PasskeyRefused:
        person = None
    if person is None or person.id != me().id:
        return jsonify(problem=_("This passkey was not accepted. Use your password, or try again.")), FAILED
    access.prove("passkey")
    return jsonify(next=_target())


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
    response.set_cookie(keys_cookie(), value, max_age=_YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


@web.post("/account/sessions/<int:session_id>/end")
@needs(Capability.ACCOUNT)
@proven
def end_session(session_id: int) -> ResponseReturnValue:
    """Ends one of one's own sessions, wherever it is."""
    if session_id == here().id:
        leave()
        return redirect(url_for("web.sign_in"), 303)
    if sessions.end(deps(), me(), session_id):
        flash(_("That session is signed out."))
    return _back("sessions")


@web.post("/account/sessions/end-others")
@needs(Capability.ACCOUNT)
@proven
def end_other_sessions() -> ResponseReturnValue:
    """Ends every session of one's own but this one."""
    sessions.end_others(deps(), here())
    flash(_("You are signed out everywhere else."))
    return _back("sessions")


def _is_mine(password: str) -> bool:
    """Whether it is the password of the person signed in; a wrong one counts. Raises Locked."""
    right = lockout.guarded(deps(), me().username, lambda: people.is_password_of(deps(), me(), password) or None)
    return right is not None


def _locked() -> str:
    return str(_("Too many wrong tries. Wait a few minutes, or ask an owner to unlock your name."))


def _target() -> str:
    return local_path(request.values.get("next")) or url_for("web.account")


def _account(problem: str = "") -> str:
    return render_template(
        "account.html",
        problem=problem,
        least=MIN_LENGTH,
        factors=factors.of_person(deps(), me().id),
        sessions=sessions.of_person(deps(), here()),
        site=ceremony.site(),
    )


def _prove(target: str, problem: str = "") -> str:
    has = factors.of_person(deps(), me().id)
    return render_template("prove.html", next=target, problem=problem, site=ceremony.site(), factors=has)


def _back(part: str = "") -> ResponseReturnValue:
    return redirect(url_for("web.account", _anchor=part or None), 303)
