"""Connecting a brand account with the platform's own consent; connecting it again when its token died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.model import Capability
from service.auth.external.proof import Provider, Trouble, Why
from service.usecases import consent, desk
from service.usecases.consent import Made, Wish
from service.usecases.proving import Asked, Going
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.elsewhere import browser, own_address, words
from service.web.pages.external import REFUSED, going_page
from service.web.sentences import told


@web.app_context_processor
def _offered() -> dict[str, Any]:
    """What the page of connections asks for, to mend one that is cut off in one click."""
    return {"mendable_account": lambda connection_id: consent.mendable_account(deps(), connection_id)}


@web.get("/connect")
@needs(Capability.MANAGE)
def connect() -> ResponseReturnValue:
    """What can be connected here, and what can be connected again."""
    return _page()


@web.post("/connect")
@needs(Capability.MANAGE)
def go_connect() -> ResponseReturnValue:
    """Sends a manager to the platform, for a connection or a further account on one."""
    provider, server = request.form.get("provider", ""), request.form.get("server", "")
    asks = {Provider.MASTODON: consent.ask_mastodon, Provider.DISCOURSE: consent.ask_forum}
    ask = next((ask for known, ask in asks.items() if known == provider), None)
    if ask is None:
        return _page(words(Trouble(Why.OFF))), REFUSED
    number = request.form.get("connection", "")
    source = desk.source(deps(), int(number)) if number.isdecimal() and len(number) < 18 else None
    wish = Wish(request.form.get("name", "").strip()[:200], source.id if source else None)
    return _go(lambda asked: ask(deps(), asked, source.url if source else server, wish), new=source is None)


@web.post("/connect/again/<int:account_id>")
@needs(Capability.MANAGE)
def connect_again(account_id: int) -> ResponseReturnValue:
    """A new token for an account that is known; the platform must name the same account."""
    return _go(lambda asked: consent.ask_again(deps(), asked, account_id))


@web.route("/connect/<provider>/<key>/back", methods=["GET", "POST"])
@needs(Capability.MANAGE)
def connect_back(provider: str, key: str) -> ResponseReturnValue:
    """Takes the platform's answer; by POST when a person copied it."""
    try:
        made = consent.answered(deps(), browser(), me(), provider, key, request.values)
    except Trouble as trouble:
        return _page(words(trouble)), REFUSED
    except TenthError as error:
        return _page(told(error)), REFUSED
    _say(made)
    return redirect(url_for("web.connect"), 303)


def _go(ask: Callable[[Asked], Going], *, new: bool = False) -> ResponseReturnValue:
    try:
        going = ask(Asked(browser(), own_address(), consent.CONNECT, me().id))
    except Trouble as trouble:
        return _page(words(trouble)), REFUSED
    to = url_for("web.connect_back", provider=going.provider, key=going.key)
    return going_page(going, url_for("web.connect"), to, _rights(), new=new)


def _rights() -> list[str]:
    return [
        _("read what the account can read, and what is said to it"),
        _("post under its name, and correct or delete such posts"),
    ]


def _say(made: Made) -> None:
    if made.mended:
        flash(_("%(handle)s is connected again.", handle=made.handle))
    else:
        flash(_("%(handle)s is connected to %(name)s.", handle=made.handle, name=made.connection))
    for right in made.missing:
        flash(_("A right is missing: %(what)s", what=right), "med")


def _page(problem: str = "") -> str:
    typed = {name: request.form.get(name, "")[:300] for name in ("server", "name", "provider")}
    return render_template(
        "connect.html",
        problem=problem,
        typed=typed,
        accounts=consent.mendable(deps()),
        sources=[s for s in desk.sources(deps()) if s.connector == Provider.MASTODON],
    )
