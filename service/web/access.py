"""Who is at the door: sign-in sessions, the guard in front of every page, CSRF, a second look before what matters."""

from __future__ import annotations

from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect

from moderation.errors import NotAllowed
from moderation.model import Capability
from moderation.policy import NOBODY, Actor, Subject, authorize
from service.deps import deps_of
from service.usecases import factors, sessions
from service.usecases.people import Known
from service.web.blueprint import View, declared, deps, web

log = structlog.get_logger(__name__)
csrf = CSRFProtect()
_STATIC = "web.static"
#: Safe methods need no token; everything else does.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Roles that can do so much that a password alone is little.
_GUARDED = frozenset({"owner", "manager"})


class SignedIn(UserMixin):  # type: ignore[misc]
    """A person for Flask-Login. The cookie holds the token of a session that we keep: end that, and it is dead."""

    def __init__(self, current: sessions.Current) -> None:
        self.current = current
        self.person = current.person

    def get_id(self) -> str:
        return self.current.token


def install(app: Flask) -> None:
    """Flask-Login and CSRF; the guard itself runs for the pages' blueprint only."""
    login = LoginManager(app)
    login.session_protection = None  # the session's row ends it; an address that changes does not
    login.user_loader(lambda token: _load(app, token))
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)  # the API proves itself by tokens, not by cookies
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # a page left open over lunch must keep what was typed
    app.config.setdefault("WTF_CSRF_SSL_STRICT", False)  # we send no Referer; Sec-Fetch-Site says the same
    csrf.init_app(app)
    app.context_processor(lambda: {"unguarded": unguarded, "proof_is_fresh": proof_is_fresh})


@web.before_request
def guard() -> ResponseReturnValue | None:
    """Refuses what is not declared, not allowed, or not from our own pages."""
    if request.endpoint == _STATIC:
        return None
    capability = declared(current_app.view_functions.get(request.endpoint or ""))
    if capability is None:
        abort(403)
    if capability is not Capability.VISIT and not current_user.is_authenticated:
        return _to_the_door()
    try:
        authorize(asking(), capability, Subject(f"page:{request.endpoint}"), deps().now())
    except NotAllowed:
        log.warning("page.refused", page=request.endpoint, method=request.method, who=asking().name)
        abort(403, _("Your role does not include this."))
    if request.method not in _SAFE:
        _refuse_foreign()
    if capability not in (Capability.VISIT, Capability.ACCOUNT) and deps().settings.require_second_factor:
        return _to_a_second_factor()
    return None


def me() -> Known:
    """The person signed in; only behind the guard."""
    person: Known = current_user.person
    return person


def here() -> sessions.Current:
    """The session of this request; only behind the guard."""
    current: sessions.Current = current_user.current
    return current


def asking() -> Actor:
    """Whoever sent this request, as `authorize` asks for them."""
    return me().asking if current_user.is_authenticated else NOBODY


def enter(person: Known, method: str = "password") -> None:
    """Begins a fresh session: nothing of what an earlier one held stays, but the language.

    `method` says in a word how they proved who they are; at most 20 characters.
    """
    before = here().token if current_user.is_authenticated else ""
    current = sessions.begin(deps(), person.id, method, request.user_agent.string, before)
    if current is None:
        abort(403)
    _forget()
    login_user(SignedIn(current))


def prove(method: str) -> None:
    """The person has just shown again who they are; what was copied of the session before is worth nothing."""
    login_user(SignedIn(sessions.prove(deps(), here(), method)))


def leave() -> None:
    """Ends the session of this request."""
    sessions.end(deps(), me(), here().id)
    logout_user()
    _forget()


def proven(view: View) -> View:
    """For views that change how somebody signs in: asks again who it is, unless that was shown a short while ago."""

    @wraps(view)
    def proved(*args: Any, **kwargs: Any) -> Any:
        if proof_is_fresh():
            return view(*args, **kwargs)
        if request.accept_mimetypes.best == "application/json":
            abort(401)
        flash(_("Show that it is you, then do it once more."), "med")
        return redirect(url_for("web.prove", next=_page_before()), 303)

    return proved  # type: ignore[return-value]


def proof_is_fresh() -> bool:
    """Whether this session's person showed a short while ago who they are."""
    return bool(current_user.is_authenticated) and sessions.is_fresh(deps(), here())


def unguarded() -> bool:
    """Whether the person signed in may do much, and only a password keeps others from being them."""
    if "tenth_unguarded" not in g:
        guarded_role = current_user.is_authenticated and me().role in _GUARDED
        g.tenth_unguarded = guarded_role and not factors.has_second(deps(), me().id)
    found: bool = g.tenth_unguarded
    return found


def local_path(target: str | None) -> str | None:
    """`target` when it is a path of this service, else None: never another host, never a scheme."""
    if not target or not target.startswith("/") or any(ord(c) < 33 or c == "\\" for c in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc or target.startswith("//") else target


def _forget() -> None:
    """Empties the browser's session, but for the language."""
    lang = session.get("lang")
    session.clear()
    if lang:
        session["lang"] = lang


def _page_before() -> str:
    """Where a form was sent from: people's forms stand on People, all others on the account page."""
    return url_for("web.people" if request.path.startswith("/people") else "web.account")


def _to_the_door() -> ResponseReturnValue:
    if request.method not in _SAFE or request.accept_mimetypes.best == "application/json":
        abort(401)
    target = request.full_path.rstrip("?")
    return redirect(url_for("web.sign_in", next=None if target == "/" else target))


def _to_a_second_factor() -> ResponseReturnValue | None:
    if not unguarded():
        return None
    if request.method not in _SAFE or request.accept_mimetypes.best == "application/json":
        abort(403, _("Your role needs a second factor first. Set one up on your account page."))
    return redirect(url_for("web.account"))


def _refuse_foreign() -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, _("This request came from another site."))
    csrf.protect()


def _load(app: Flask, token: str) -> SignedIn | None:
    """A page that asks by itself for news is no sign of life: an unattended desk ends its session."""
    found = sessions.find(deps_of(app), token)
    if found is None:
        return None
    if request.accept_mimetypes.best != "application/json":
        sessions.seen(deps_of(app), found)
    return SignedIn(found)
