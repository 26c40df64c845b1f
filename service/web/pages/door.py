"""Signing in and out."""

from __future__ import annotations

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, logout_user

from moderation.model import Capability
from service.usecases import people
from service.web.access import enter, local_path
from service.web.blueprint import deps, needs, web
from service.web.limits import FAILED


@web.route("/sign-in", methods=["GET", "POST"])
@needs(Capability.VISIT)
def sign_in() -> ResponseReturnValue:
    """The door. A wrong name and a wrong password get the same answer in the same time."""
    target = local_path(request.values.get("next")) or url_for("web.queue")
    if request.method == "GET":
        return redirect(target) if current_user.is_authenticated else _door(target)
    name = request.form.get("username", "")
    person = people.sign_in(deps(), name, request.form.get("password", ""))
    if person is None:
        return _door(target, name, _("Name and password do not go together. Look at both, then try again.")), FAILED
    enter(person)
    return redirect(target, 303)


@web.post("/sign-out")
@needs(Capability.ACCOUNT)
def sign_out() -> ResponseReturnValue:
    """Ends this session."""
    logout_user()
    session.clear()
    return redirect(url_for("web.sign_in"), 303)


def _door(target: str, name: str = "", problem: str = "") -> str:
    return render_template("sign_in.html", next=target, username=name[:80], problem=problem)
