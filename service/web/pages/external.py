"""Signing in from elsewhere: the company's OpenID provider, a fediverse server, a forum; linking and unlinking them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from moderation.model import Capability
from service.auth.external.proof import Provider, Trouble, Why
from service.usecases import flows, identities, proving
from service.usecases.flows import Question
from service.usecases.people import Known
from service.usecases.proving import Asked, Going
from service.web.access import local_path, me, proven
from service.web.blueprint import deps, needs, web
from service.web.elsewhere import browser, few_at_once, own_address, words
from service.web.pages.door import admit

#: What was wrong with a request; or nothing was, and there is no room at this moment.
REFUSED, CROWDED = 400, 503
#: What the list of sessions says of how somebody came in.
_METHODS = {Provider.OIDC: "OpenID", Provider.MASTODON: "Mastodon", Provider.DISCOURSE: "Discourse"}


@web.app_context_processor
def _offered() -> dict[str, Any]:
    """What the door and the account page include asks for."""
    return {
        "ways_in": lambda: identities.ways_in(deps()),
        "ways_to_link": lambda: identities.ways_to_link(deps()),
        "linked": lambda: identities.linked(deps(), me().id),
    }


@web.get("/external")
@needs(Capability.VISIT)
def external() -> ResponseReturnValue:
    """The ways in beside a password."""
    if current_user.is_authenticated:
        return redirect(url_for("web.account"))
    return _ways()


@web.post("/external")
@needs(Capability.VISIT)
def go_external() -> ResponseReturnValue:
    """Sends a visitor to where they can prove who they are."""
    if current_user.is_authenticated:
        return redirect(url_for("web.account"), 303)
    try:
        flows.refuse_crowd(deps())
        _refuse_unoffered()
        with few_at_once():
            return _go(proving.SIGN_IN, None)
    except Trouble as trouble:
        return _failed(trouble)


@web.post("/account/identities")
@needs(Capability.ACCOUNT)
@proven
def link_identity() -> ResponseReturnValue:
    """Sends somebody who is signed in to the account that they want to come in by from now on."""
    try:
        return _go(proving.LINK, me())
    except Trouble as trouble:
        return _failed(trouble)


@web.post("/account/identities/<int:identity_id>/unlink")
@needs(Capability.ACCOUNT)
@proven
def unlink_identity(identity_id: int) -> ResponseReturnValue:
    try:
        identities.unlink(deps(), me(), identity_id)
    except Trouble as trouble:
        flash(words(trouble), "high")
    else:
        flash(_("The account is no longer linked: nobody comes in by it."))
    return _account()


@web.route("/external/<provider>/<key>/back", methods=["GET", "POST"])
@needs(Capability.VISIT)
def back_from(provider: str, key: str) -> ResponseReturnValue:
    """Takes an answer; by POST when a person copied it."""
    try:
        with few_at_once():
            question, proof = proving.answered(deps(), browser(), provider, key, request.values)
        if question.purpose == proving.LINK:
            return _linked(question, proof)
        person = identities.enter_by(deps(), proof)
    except Trouble as trouble:
        return _failed(trouble)
    target = local_path(question.details["target"]) or url_for("web.home")
    return admit(person, _METHODS[proof.provider], target)


def going_page(going: Going, back: str, paste_to: str, rights: Sequence[str] = (), *, new: bool = False) -> str:
    """Says where the person goes now. A form may lead to our own pages only, so that the way on is a page.

    `rights` are what Tenth asks for there; `new` that a connection will come of it.
    """
    shown = {"rights": rights, "new": new, "returns": own_address() + paste_to}
    return render_template("consent.html", going=going, back=back, paste_to=paste_to, **shown)


def _go(purpose: str, person: Known | None) -> ResponseReturnValue:
    provider, typed = request.form.get("provider", ""), request.form.get("server", "")
    target = local_path(request.form.get("next")) or ""
    asked = Asked(browser(), own_address(), purpose, person.id if person else None, target)
    if provider == Provider.OIDC:
        going = proving.ask_company(deps(), asked)
    elif provider == Provider.MASTODON:
        going = proving.ask_mastodon(deps(), asked, typed)
    elif provider == Provider.DISCOURSE:
        going = proving.ask_forum(deps(), asked, typed)
    else:
        raise Trouble(Why.OFF)
    back = url_for("web.account") if person else url_for("web.sign_in")
    return going_page(going, back, url_for("web.back_from", provider=going.provider, key=going.key))


def _refuse_unoffered() -> None:
    """A server is called for a visitor only where somebody could come in by it."""
    ways, provider = identities.ways_in(deps()), request.form.get("provider", "")
    offered = {Provider.OIDC: ways.company, Provider.MASTODON: ways.mastodon, Provider.DISCOURSE: ways.forums}
    if not offered.get(provider):  # type: ignore[call-overload]
        raise Trouble(Why.OFF)


def _linked(question: Question, proof: Any) -> ResponseReturnValue:
    """Only for the person who asked, still signed in: else the proof is forgotten."""
    if not current_user.is_authenticated or me().id != question.person_id:
        raise Trouble(Why.UNKNOWN)
    identities.link(deps(), me(), proof)
    flash(_("%(handle)s is linked: you can sign in with it.", handle=proof.handle))
    return _account()


def _failed(trouble: Trouble) -> ResponseReturnValue:
    if current_user.is_authenticated:
        back = url_for("web.account")
        return render_template("elsewhere.html", problem=words(trouble), back=back), REFUSED
    return _ways(words(trouble)), CROWDED if trouble.why is Why.CROWDED else REFUSED


def _ways(problem: str = "") -> str:
    target = local_path(request.values.get("next")) or ""
    return render_template("external.html", problem=problem, next=target, ways=identities.ways_in(deps()))


def _account() -> ResponseReturnValue:
    return redirect(url_for("web.account", _anchor="elsewhere"), 303)
