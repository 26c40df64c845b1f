"""Who is at the door: sign-in sessions, the guard in front of every page, CSRF."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_wtf.csrf import CSRFProtect

from moderation.errors import NotAllowed
from moderation.model import Capability
from moderation.policy import NOBODY, Actor, Subject, authorize
from service.deps import deps_of
from service.usecases.people import Known, known_person
from service.vault import same
from service.web.blueprint import declared, deps, web

csrf = CSRFProtect()
_STATIC = "web.static"
#: Safe methods need no token; everything else does.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SignedIn(UserMixin):  # type: ignore[misc]
    """A person for Flask-Login. The id in the cookie holds the session key: change that, and the cookie is dead."""

    def __init__(self, person: Known) -> None:
        self.person = person

    def get_id(self) -> str:
        return f"{self.person.id}:{self.person.session_key}"


def install(app: Flask) -> None:
    """Flask-Login and CSRF; the guard itself runs for the pages' blueprint only."""
    login = LoginManager(app)
    login.session_protection = None  # the session key ends sessions; an address that changes does not
    login.user_loader(lambda kept: _load(app, kept))
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)  # the API proves itself by tokens, not by cookies
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # a page left open over lunch must keep what was typed
    app.config.setdefault("WTF_CSRF_SSL_STRICT", False)  # we send no Referer; Sec-Fetch-Site says the same
    csrf.init_app(app)


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
        abort(403, _("Your role does not include this."))
    if request.method not in _SAFE:
        _refuse_foreign()
    return None


def me() -> Known:
    """The person signed in; only behind the guard."""
    person: Known = current_user.person
    return person


def asking() -> Actor:
    """Whoever sent this request, as `authorize` asks for them."""
    return me().asking if current_user.is_authenticated else NOBODY


def enter(person: Known) -> None:
    """Begins a fresh session: nothing of what an earlier one held stays, but the language."""
    lang = session.get("lang")
    session.clear()
    if lang:
        session["lang"] = lang
    login_user(SignedIn(person))


def local_path(target: str | None) -> str | None:
    """`target` when it is a path of this service, else None: never another host, never a scheme."""
    if not target or not target.startswith("/") or any(ord(c) < 33 or c == "\\" for c in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc or target.startswith("//") else target


def _to_the_door() -> ResponseReturnValue:
    if request.method not in _SAFE or request.accept_mimetypes.best == "application/json":
        abort(401)
    target = request.full_path.rstrip("?")
    return redirect(url_for("web.sign_in", next=None if target == "/" else target))


def _refuse_foreign() -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, _("This request came from another site."))
    csrf.protect()


def _load(app: Flask, kept: str) -> SignedIn | None:
    person_id, _sep, key = kept.partition(":")
    if not person_id.isdecimal() or len(person_id) > 18:
        return None
    person = known_person(deps_of(app), int(person_id))
    return SignedIn(person) if person is not None and same(person.session_key, key) else None
