"""Moderation rights of members of a community: offered, accepted, held, ended, and whether the platforms agree."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.grants import TEMPLATES
from moderation.model import Capability
from moderation.policy import allows
from service.usecases import appealed, drift, granted, grants
from service.web import granting
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.elsewhere import own_address
from service.web.sentences import told

_BY_MANAGERS: dict[str, Callable[..., None]] = {
    "suspend": grants.suspend,
    "resume": grants.resume,
    "revoke": grants.revoke,
}


@web.get("/grants")
@needs(Capability.ACCOUNT)
def all_grants() -> ResponseReturnValue:
    return _page()


@web.post("/grants")
@needs(Capability.GRANT)
def propose_grant() -> ResponseReturnValue:
    form = request.form

    def propose() -> None:
        place = granting.place_of(deps(), form.get("place", ""))
        author_id = granted.author_named(deps(), place.connection_id, form.get("handle", ""))
        template, tag, reason = (form.get(name, "") for name in ("template", "tag", "reason"))
        terms = grants.Terms(author_id, place.community_id, template, reason=reason, tag=tag)
        grants.propose(deps(), terms, me())

    return _done(propose, _("It is proposed. Offer it with a few words of yours."))


@web.post("/grants/<int:grant_id>/offer")
@needs(Capability.GRANT)
def offer_grant(grant_id: int) -> ResponseReturnValue:
    message = request.form.get("message", "")
    return _done(lambda: grants.offer(deps(), grant_id, message, me()), _("It is offered. They can accept it now."))


@web.post("/grants/<int:grant_id>/answer")
@needs(Capability.ACCOUNT)
def answer_grant(grant_id: int) -> ResponseReturnValue:
    if request.form.get("answer") == "yes":
        return _done(lambda: grants.accept(deps(), grant_id, me()), _("Thank you. The rights are yours from now on."))
    return _done(lambda: grants.decline(deps(), grant_id, me()), _("It is declined."))


@web.post("/grants/<int:grant_id>/give-back")
@needs(Capability.ACCOUNT)
def give_back_grant(grant_id: int) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    return _done(lambda: grants.revoke(deps(), grant_id, me(), reason), _("It is given back. Thank you for the time."))


@web.post("/grants/<int:grant_id>/decide")
@needs(Capability.GRANT)
def decide_grant(grant_id: int) -> ResponseReturnValue:
    form = request.form
    step = _BY_MANAGERS.get(form.get("step", ""), grants.suspend)
    return _done(lambda: step(deps(), grant_id, me(), form.get("reason", "")), _("Done. The platform follows."))


@web.post("/grants/compare")
@needs(Capability.GRANT)
def compare_rights() -> ResponseReturnValue:
    looks = drift.check_all(deps())
    if any(look.error for look in looks):
        flash(_("Not every platform could be asked; it is tried again in a few minutes."))
    else:
        flash(_("Compared."))
    return redirect(url_for("web.all_grants", _anchor="drift"), 303)


@web.post("/grants/drift/<int:drift_id>")
@needs(Capability.GRANT)
def mend_drift(drift_id: int) -> ResponseReturnValue:
    if request.form.get("remedy") == "known":
        return _done(lambda: drift.acknowledge(deps(), drift_id, me()), _("Kept as known."))
    return _done(lambda: drift.mend(deps(), drift_id, me()), _("It is being mended. The platform follows."))


def _done(step: Callable[[], object], words: str) -> ResponseReturnValue:
    try:
        step()
    except TenthError as error:
        return _page(told(error)), 422
    flash(words)
    return redirect(url_for("web.all_grants"), 303)


def _page(problem: str = "") -> str:
    managing = allows(me().asking, Capability.GRANT)
    return render_template(
        "grants.html",
        problem=problem,
        as_of=deps().now(),
        address=_address(),
        mine=granting.sorted_out(granted.mine(deps(), me())),
        all=granting.sorted_out(granted.grants(deps())) if managing else None,
        places=granted.places(deps()) if managing else (),
        moving=granted.moving(deps()) if managing else (),
        drift=drift.differences(deps()) if managing else (),
        overturned=appealed.overturned(deps()) if managing else {},
        templates=TEMPLATES,
        typed=request.form,
    )


def _address() -> str:
    """This page's address for somebody else's eyes; "" where we do not know our own."""
    try:
        return own_address() + url_for("web.all_grants")
    except TenthError:
        return ""
