"""Passkeys in a request: which site it is, the challenge kept in the browser's session, the answer in the body."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import abort, request, session

from service.usecases import passkeys
from service.usecases.passkeys import Challenge, PasskeyRefused, Site
from service.web.blueprint import deps

_KEPT = "challenge"


def site() -> Site | None:
    """The site of this request, where passkeys can be used; None where they cannot."""
    return passkeys.site_of(deps().settings.public_url, request.scheme, request.host)


def the_site() -> Site:
    """The same; a request to any other host is refused."""
    found = site()
    if found is None:
        abort(403)
    return found


def begin(aim: str) -> Challenge:
    """A challenge for one aim (a word), kept in the browser's session."""
    asked = passkeys.challenge(deps())
    session[_KEPT] = [aim, asked.text, asked.at.timestamp()]
    return asked


def finish(aim: str) -> tuple[Challenge, dict[str, Any]]:
    """The challenge that was kept for this aim, with the answer to it. Raises PasskeyRefused when there is none."""
    kept = session.pop(_KEPT, None)
    body = request.get_json(silent=True)
    answer = body.get("answer") if isinstance(body, dict) else None
    if not kept or kept[0] != aim or not isinstance(answer, dict):
        raise PasskeyRefused("Nothing was asked of this browser.")
    return Challenge(kept[1], datetime.fromtimestamp(kept[2], UTC)), answer
