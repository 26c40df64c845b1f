"""An account proven by a code in its public profile, where the platform cannot say to us whose it is."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.model import Capability
from service.usecases import profile_proofs
from service.web.access import me, proven
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"profile_places": lambda: profile_proofs.places(deps(), me())}


@web.get("/account/profile")
@needs(Capability.ACCOUNT)
def profile_proof() -> ResponseReturnValue:
    return _page()


@web.post("/account/profile")
@needs(Capability.ACCOUNT)
@proven
def prove_profile() -> ResponseReturnValue:
    place, handle = request.form.get("place", -1, type=int), request.form.get("handle", "")
    try:
        called = profile_proofs.prove(deps(), place, handle, me())
    except TenthError as error:
        return _page(told(error)), 422
    flash(_("%(handle)s is yours here, too. You may take the code out of the profile.", handle=called))
    return redirect(url_for("web.account", _anchor="elsewhere"), 303)


def _page(problem: str = "") -> str:
    found = profile_proofs.places(deps(), me())
    return render_template("profile_proof.html", places=found, problem=problem, typed=request.form)
