"""What pages need to send somebody to another server and to take them back: our address, the browser, words."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import request, session
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from service.auth.external.proof import Trouble, Why
from service.web.blueprint import deps

log = structlog.get_logger(__name__)
_KEPT = "elsewhere"
#: Visitors for whom other servers are called at one time, of the eight threads that a desk has by default.
_visitors = BoundedSemaphore(3)
_PATIENCE_SECONDS = 2.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
#: Why it came to nothing, and what to do.
_WORDS: dict[Why, Any] = {
    Why.OFF: _l("This way of signing in is not switched on here."),
    Why.NO_ADDRESS: _l("Tenth does not know its own public address yet. Whoever runs it sets TENTH_PUBLIC_URL."),
    Why.BAD_SERVER: _l("This is not the name of a server. It looks like social.example.org."),
    Why.NOT_OUR_FORUM: _l("%(where)s is not a forum that this desk works with."),
    Why.AWAY: _l("%(where)s does not answer as such a server should. Look at the name, or try again later."),
    Why.CROWDED: _l("Many people are signing in at this moment. Try again in a few minutes."),
    Why.UNKNOWN: _l(
        "This is no longer open: it was used before, took more than ten minutes, or began in another browser. "
        "Begin again."
    ),
    Why.MIXED_UP: _l("The answer did not come from where it was asked, so it was not used. Begin again."),
    Why.DENIED: _l("You said no on %(where)s. Nothing was changed."),
    Why.REFUSED: _l("%(where)s refused the request. Begin again; if it stays, tell an owner."),
    Why.UNPROVEN: _l("The answer of %(where)s does not prove who you are, so it was not used. Begin again."),
    Why.TAKEN: _l("This account of %(where)s belongs to somebody else here. Nothing was changed."),
    Why.NOT_INVITED: _l(
        "Nobody here is known by this account of %(where)s. Ask a manager to invite you; "
        "then link the account on your account page."
    ),
    Why.CLOSED: _l("Your account here is switched off. Ask an owner."),
    Why.STRONGER: _l(
        "Owners and managers sign in with their password, a passkey or the company’s sign-in. "
        "An account of %(where)s is not enough for that role."
    ),
    Why.LAST_WAY: _l("This is the only way in that you have. Set a password or link another account first."),
    Why.NAME_TAKEN: _l("There is a connection named “%(where)s” already. Take another name."),
    Why.NAME_MISSING: _l("Give the connection a name of 1 to 80 characters."),
    Why.NOT_BY_CONSENT: _l("This account’s key was given by hand; whoever runs Tenth gives the new one the same way."),
    Why.OTHER_ACCOUNT: _l(
        "You said yes with another account than %(where)s. Nothing was changed: "
        "sign in there as %(where)s and begin again."
    ),
}


def words(trouble: Trouble) -> str:
    """What to tell the person, in their language; the cause is logged."""
    log.info("elsewhere.refused", why=str(trouble.why), where=trouble.where, detail=trouble.detail)
    return str(_WORDS[trouble.why] % {"where": trouble.where})


def own_address() -> str:
    """Where answers come back to: the address of the settings, or this computer's own. Raises Trouble.

    Never what a request claims to be for: whoever sends it chooses that.
    """
    public = deps().settings.public_url.rstrip("/")
    if public:
        return public
    if urlsplit(f"//{request.host}").hostname in _LOCAL:
        return request.host_url.rstrip("/")
    raise Trouble(Why.NO_ADDRESS)


@contextmanager
def few_at_once() -> Iterator[None]:
    """For visitors: servers that they name and that answer slowly shall not hold every thread. Raises Trouble."""
    if current_user.is_authenticated:
        yield
        return
    if not _visitors.acquire(timeout=_PATIENCE_SECONDS):
        raise Trouble(Why.CROWDED)
    try:
        yield
    finally:
        _visitors.release()


def browser() -> str:
    """A secret of this browser's session: what it asks elsewhere is answered to it alone."""
    kept: str = session.setdefault(_KEPT, secrets.token_urlsafe(32))
    return kept
