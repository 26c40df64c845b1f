"""A person's second factors: codes of an app, recovery codes, passkeys. Each change asks first who it is."""

from __future__ import annotations

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput
from moderation.model import Capability
from service.usecases import factors, passkeys, sessions
from service.web import ceremony
from service.web.access import me, proven
from service.web.blueprint import deps, needs, web


@web.post("/account/codes/begin")
@needs(Capability.ACCOUNT)
@proven
def begin_codes() -> ResponseReturnValue:
    """A new secret; nothing is asked of anybody before it is confirmed."""
    factors.begin_codes(deps(), me())
    return redirect(url_for("web.codes"), 303)


@web.get("/account/codes")
@needs(Capability.ACCOUNT)
@proven
def codes() -> ResponseReturnValue:
    """The secret, to be read by an app, and the field for a first code."""
    return _codes()


@web.get("/account/codes/picture.svg")
@needs(Capability.ACCOUNT)
@proven
def codes_picture() -> ResponseReturnValue:
    found = factors.begun(deps(), me())
    if found is None:
        abort(404)
    return factors.picture(found[1]), {"Content-Type": "image/svg+xml; charset=utf-8"}


@web.post("/account/codes")
@needs(Capability.ACCOUNT)
@proven
def confirm_codes() -> ResponseReturnValue:
    """Switches codes on, and gives recovery codes where there are none."""
    if not factors.confirm_codes(deps(), me(), "".join(request.form.get("code", "").split())[:10]):
        return _codes(_("This code is not right. Look at the app's clock, then type the code that stands there."), 422)
    if factors.of_person(deps(), me().id).recovery:
        flash(_("Codes are on: from the next sign-in you are asked for one."))
        return _back()
    return _recovery()


@web.post("/account/codes/remove")
@needs(Capability.ACCOUNT)
@proven
def remove_codes() -> ResponseReturnValue:
    factors.remove_codes(deps(), me())
    flash(_("Codes are off."))
    return _back()


@web.post("/account/recovery")
@needs(Capability.ACCOUNT)
@proven
def make_recovery() -> ResponseReturnValue:
    """New recovery codes; those before stop working."""
    if not factors.has_second(deps(), me().id):
        raise BadInput(_("Recovery codes stand in for a second factor. Set one up first."))
    return _recovery()


@web.post("/account/passkeys/ask")
@needs(Capability.ACCOUNT)
@proven
def offer_passkey() -> ResponseReturnValue:
    """What a browser needs to make a passkey, as JSON."""
    options = passkeys.offer(deps(), me(), ceremony.the_site(), ceremony.begin("add"))
    return options, {"Content-Type": "application/json"}


@web.post("/account/passkeys")
@needs(Capability.ACCOUNT)
@proven
def add_passkey() -> ResponseReturnValue:
    """Keeps the passkey that the browser made, named for the browser until its person says better."""
    name = sessions.in_short(request.user_agent.string) or _("Passkey")
    try:
        passkeys.add(deps(), me(), ceremony.the_site(), *ceremony.finish("add"), name)
    except passkeys.PasskeyRefused:
        return jsonify(problem=_("This passkey was not accepted. Try again.")), 422
    flash(_("The passkey is kept. Sign in with it from now on, without a password."))
    return jsonify(next=url_for("web.account", _anchor="factors"))


@web.post("/account/passkeys/<int:passkey_id>/name")
@needs(Capability.ACCOUNT)
def name_passkey(passkey_id: int) -> ResponseReturnValue:
    passkeys.rename(deps(), me(), passkey_id, request.form.get("name", ""))
    return _back()


@web.post("/account/passkeys/<int:passkey_id>/remove")
@needs(Capability.ACCOUNT)
@proven
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    passkeys.remove(deps(), me(), passkey_id)
    flash(_("The passkey is forgotten here; remove it from the device, too."))
    return _back()


def _codes(problem: str = "", status: int = 200) -> ResponseReturnValue:
    found = factors.begun(deps(), me())
    if found is None:
        return _back()
    secret = " ".join(found[0][i : i + 4] for i in range(0, len(found[0]), 4))
    return render_template("codes.html", secret=secret, address=found[1], problem=problem), status


def _recovery() -> ResponseReturnValue:
    return render_template("recovery.html", codes=factors.make_recovery_codes(deps(), me()))


def _back() -> ResponseReturnValue:
    return redirect(url_for("web.account", _anchor="factors"), 303)
