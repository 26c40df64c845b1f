"""Signing in and out: password, then a second factor where there is one; or a passkey alone; or a one-time link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from flask import jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from moderation.model import Capability
from service.auth.passwords import MIN_LENGTH, WeakPassword
from service.usecases import factors, invitations, lockout, passkeys, people
from service.usecases.people import Known
from service.vault import same, token_digest
from service.web import ceremony
from service.web.access import enter, leave, local_path
from service.web.blueprint import deps, needs, web
from service.web.limits import FAILED, LOCKED
from service.web.sentences import told

log = structlog.get_logger(__name__)
#: How long somebody whose password was right may look for their telephone.
_HALFWAY = timedelta(minutes=10)
_KEPT = "halfway"


@web.route("/sign-in", methods=["GET", "POST"])
@needs(Capability.VISIT)
def sign_in() -> ResponseReturnValue:
    """The door. A wrong name and a wrong password get the same answer in the same time."""
    target = _target()
    if request.method == "GET":
        if current_user.is_authenticated:
            return redirect(target)
        return _second(target) if _halfway() else _door(target)
    name, password = request.form.get("username", ""), request.form.get("password", "")
    session.pop(_KEPT, None)
    try:
        person = lockout.guarded(deps(), name, lambda: people.sign_in(deps(), name, password))
    except lockout.Locked:
        return _door(target, name, _locked()), LOCKED
    if person is None:
        return _door(target, name, _("Name and password do not go together. Look at both, then try again.")), FAILED
    return admit(person, "password", target)


@web.post("/sign-in/code")
@needs(Capability.VISIT)
def second_factor() -> ResponseReturnValue:
    """The second step: a code of the app, or a recovery code."""
    target, person, typed = _target(), _halfway(), request.form.get("code", "")
    if person is None:
        return _door(target, "", _("That took too long. Begin again.")), FAILED
    try:
        how = lockout.guarded(deps(), person.username, lambda: _spent(person, typed))
    except lockout.Locked:
        return _second(target, _locked()), LOCKED
    if how is None:
        return _second(target, _("This code is not right, or it was used before. Wait for the next one.")), FAILED
    enter(person, how)
    return redirect(target, 303)


@web.post("/sign-in/again")
@needs(Capability.VISIT)
def sign_in_again() -> ResponseReturnValue:
    """Back to the first step, as somebody else perhaps."""
    session.pop(_KEPT, None)
    return redirect(url_for("web.sign_in"), 303)


@web.post("/sign-in/passkey/ask")
@needs(Capability.VISIT)
def ask_passkey() -> ResponseReturnValue:
    """What a browser needs to use a passkey, as JSON."""
    options = passkeys.ask(ceremony.the_site(), ceremony.begin("enter"))
    return options, {"Content-Type": "application/json"}


@web.post("/sign-in/passkey")
@needs(Capability.VISIT)
def enter_by_passkey() -> ResponseReturnValue:
    """Signs in whoever's passkey answered; the device has asked for a finger, a face or a PIN."""
    site, target = ceremony.the_site(), _target()
    try:
        person = passkeys.use(deps(), site, *ceremony.finish("enter"))
    except passkeys.PasskeyRefused as refused:
        log.warning("door.refused", by="passkey", why=str(refused))
        return jsonify(problem=_("This passkey was not accepted. Use your password, or try again.")), FAILED
    enter(person, "passkey")
    return jsonify(next=target)


@web.get("/link/<token>")
@needs(Capability.VISIT)
def show_link(token: str) -> ResponseReturnValue:
    """A one-time link: looking at it does not use it up."""
    return _link(token)


@web.post("/link/<token>")
@needs(Capability.VISIT)
def use_link(token: str) -> ResponseReturnValue:
    """Sets the password and signs in; a second factor is asked for all the same."""
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _link(token, _("The two new passwords differ. Type the new one twice.")), 422
    try:
        person = invitations.use_link(deps(), token, new)
    except invitations.LinkEnded:
        log.warning("door.refused", by="link")
        return _link(token), FAILED
    except WeakPassword as error:
        return _link(token, told(error)), 422
    return admit(person, "link", url_for("web.home"))


@web.post("/sign-out")
@needs(Capability.ACCOUNT)
def sign_out() -> ResponseReturnValue:
    """Ends this session."""
    leave()
    return redirect(url_for("web.sign_in"), 303)


def admit(person: Known, method: str, target: str) -> ResponseReturnValue:
    """Lets somebody in who proved one thing; who has a second factor is asked for it first."""
    if not factors.has_second(deps(), person.id):
        enter(person, method)
        return redirect(target, 303)
    session[_KEPT] = [person.id, token_digest(person.session_key), deps().now().timestamp()]
    return redirect(url_for("web.sign_in", next=target), 303)


def _target() -> str:
    return local_path(request.values.get("next")) or url_for("web.home")


def _halfway() -> Known | None:
    """Whose password was right a short while ago, in this browser, and did not change since."""
    kept = session.get(_KEPT)
    if not kept or deps().now() - datetime.fromtimestamp(kept[2], UTC) >= _HALFWAY:
        return None
    person = people.known_person(deps(), kept[0])
    return person if person is not None and same(token_digest(person.session_key), kept[1]) else None


def _spent(person: Known, typed: str) -> str | None:
    """A code is not even looked at while the name is locked: a right one would be used up for nothing."""
    lockout.refuse_locked(deps(), person.username)
    return factors.spend(deps(), person, typed)


def _locked() -> str:
    return str(_("Too many wrong tries. Wait a few minutes, use a passkey, or ask an owner to unlock the name."))


def _door(target: str, name: str = "", problem: str = "") -> str:
    site = ceremony.site()
    return render_template("sign_in.html", next=target, username=name[:80], problem=problem, site=site)


def _second(target: str, problem: str = "") -> str:
    return render_template("second_factor.html", next=target, problem=problem, site=ceremony.site())


def _link(token: str, problem: str = "") -> str:
    person = invitations.holder(deps(), token)
    return render_template("link.html", token=token, person=person, problem=problem, least=MIN_LENGTH)
