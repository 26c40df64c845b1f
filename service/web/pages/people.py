"""The people of the desk: who they are, what they may do, and helping them in."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.policy import PEOPLE
from service.usecases import invitations, staff
from service.usecases.people import BadName, NameTaken
from service.web.access import me, proven
from service.web.blueprint import deps, needs, web


@web.get("/people")
@needs(Capability.ADMINISTER)
def people() -> ResponseReturnValue:
    return _people()


@web.post("/people")
@needs(Capability.ADMINISTER)
@proven
def add_person() -> ResponseReturnValue:
    """Adds somebody; their invitation is shown once."""
    username, name = request.form.get("username", ""), request.form.get("name", "")
    role = request.form.get("role", "")
    try:
        token = staff.add(deps(), me(), username, name, role)
    except NotAllowed:
        abort(403, _only_an_owner())
    except BadInput as error:
        return _people(problem=_refusal(error), username=username[:80], name=name[:200], role=role), 422
    return _people(link=_link(token), whose=name.strip() or username.strip())


@web.post("/people/<int:person_id>/role")
@needs(Capability.ADMINISTER)
@proven
def change_role(person_id: int) -> ResponseReturnValue:
    role = request.form.get("role", "")
    return _done(lambda: staff.change_role(deps(), me(), person_id, role), _("The role is changed."))


@web.post("/people/<int:person_id>/active")
@needs(Capability.ADMINISTER)
@proven
def switch_person(person_id: int) -> ResponseReturnValue:
    """Off signs somebody out at once; what they did stays under their name."""
    if request.form.get("active") not in ("on", "off"):
        abort(400)
    on = request.form["active"] == "on"
    words = _("The account is on again.") if on else _("The account is off; its sessions are signed out.")
    return _done(lambda: staff.switch(deps(), me(), person_id, on), words)


@web.post("/people/<int:person_id>/unlock")
@needs(Capability.ADMINISTER)
@proven
def unlock_person(person_id: int) -> ResponseReturnValue:
    return _done(lambda: staff.unlock(deps(), me(), person_id), _("The name is unlocked."))


@web.post("/people/<int:person_id>/reset-factors")
@needs(Capability.ADMINISTER)
@proven
def reset_factors(person_id: int) -> ResponseReturnValue:
    words = _("Their second factors are forgotten; a password lets them in until they set up new ones.")
    return _done(lambda: staff.reset_factors(deps(), me(), person_id), words)


@web.post("/people/<int:person_id>/link")
@needs(Capability.ADMINISTER)
@proven
def link_person(person_id: int) -> ResponseReturnValue:
    """A link for a new password, shown once."""
    try:
        token = staff.link(deps(), me(), person_id)
    except NotAllowed:
        abort(403, _only_an_owner())
    except BadInput as error:
        return _people(problem=_refusal(error)), 422
    holder = invitations.holder(deps(), token)
    return _people(link=_link(token), whose=holder.shown if holder else "")


def _done(act: Callable[[], None], words: str) -> ResponseReturnValue:
    try:
        act()
    except NotAllowed:
        abort(403, _only_an_owner())
    except BadInput as error:
        return _people(problem=_refusal(error)), 422
    flash(words)
    return redirect(url_for("web.people"), 303)


def _people(**more: str) -> str:
    colleagues = [(c, _may_change(c.role)) for c in staff.everybody(deps())]
    given = [role for role in reversed(PEOPLE) if _may_change(role)]
    return render_template("people.html", colleagues=colleagues, roles=given, **more)


def _may_change(role: str) -> bool:
    try:
        staff.allowed(deps(), me(), role)
    except NotAllowed:
        return False
    return True


def _link(token: str) -> str:
    return invitations.address(deps().settings.public_url or request.host_url, token)


def _only_an_owner() -> str:
    return str(_("Only an owner may change owners and managers, or make somebody one."))


def _refusal(error: BadInput) -> str:
    """Why it was refused, in the reader's language."""
    if isinstance(error, NameTaken):
        return str(_("Somebody signs in under this name already. Take another one."))
    if isinstance(error, BadName):
        return str(_("A sign-in name has 1 to 80 letters, digits or - _ . @ +"))
    why = error.why if isinstance(error, staff.Impossible) else staff.Why.ROLE
    words = {
        staff.Why.SELF: _("Nobody changes their own role or switches themselves off. Ask another owner."),
        staff.Why.LAST_OWNER: _("This is the last owner. Make somebody else an owner first."),
        staff.Why.NOBODY: _("There is no such person."),
        staff.Why.OFF: _("This account is switched off. Switch it on first."),
        staff.Why.ROLE: _("There is no such role."),
    }
    return str(words[why])
