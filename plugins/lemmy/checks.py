"""A look at the token and the account behind it; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from moderation.model import Capability
from plugins.contract import Check, Gone, MissingRight
from plugins.lemmy.actions import ACTIONS, ADMINS, ANYBODY
from plugins.lemmy.api import Lemmy
from plugins.lemmy.limits import LIMITS
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import Me, part

_NARROW = (
    "Read by polling: Lemmy pushes nothing. Whom an account blocks and which languages it reads also narrow what it is "
    "shown, so let this one block nobody and read every language."
)
_MODERATORS = frozenset(ACTIONS) - ANYBODY - ADMINS
_NO_MODERATOR = MissingRight(
    "Only a moderator of the community may do this: make the account one there, then check the connection.",
    missing="moderator",
)
_NO_ADMIN = MissingRight(
    "Only an administrator of the server may do this: make the account one there, then check the connection.",
    missing="administrator",
)


def check(lemmy: Lemmy, settings: LemmySettings) -> Check:
    """Two calls to know the account, and one for each community."""
    me = lemmy.me()
    places = {name: _place(lemmy, name) for name in settings.communities}
    unknown = [name for name, number in places.items() if number is None]
    foreign = [n for n, number in places.items() if number is not None and number not in me.moderates and not me.admin]
    lacks = _lacks(me, moderates=len(foreign) + len(unknown) < len(places))
    return Check(
        account=f"{me.name}@{me.host}" if me.host else me.name,
        server=_server(lemmy),
        may=frozenset(ACTIONS) - lacks.keys(),
        missing=(*map(_unknown, unknown), *_missing(foreign)),
        notes=_notes(me),
        limits=LIMITS,
        lacks=lacks,
    )


def _place(lemmy: Lemmy, name: str) -> int | None:
    """A community's id. A server looks one of another server up there when it does not know it yet."""
    try:
        found = part(part(lemmy.community(name=name), "community_view"), "community").get("id")
    except Gone:
        return None
    return found if isinstance(found, int) else None


def _lacks(me: Me, *, moderates: bool) -> Mapping[Capability, str]:
    """What is offered nowhere; in a community that the account does not moderate, the server still refuses."""
    if me.admin:
        return {}
    moderating = dict.fromkeys(_MODERATORS if not moderates else (), str(_NO_MODERATOR))
    return moderating | dict.fromkeys(ADMINS, str(_NO_ADMIN))


def _server(lemmy: Lemmy) -> str:
    version = lemmy.site().get("version")
    return f"Lemmy {version}" if isinstance(version, str) else "Lemmy"


def _unknown(name: str) -> str:
    return f"The community “{name}” is not known to the server. Correct its name, or leave it out."


def _missing(foreign: list[str]) -> tuple[str, ...]:
    if not foreign:
        return ()
    acts, places = ", ".join(sorted(_MODERATORS)), ", ".join(foreign)
    words = f"{acts}: the account does not moderate {places}. Make it a moderator there if Tenth is to moderate; "
    return (words + "answering works without.",)


def _notes(me: Me) -> tuple[str, ...]:
    notes = [_NARROW]
    if not me.admin:
        notes.append("The account is no administrator, so nobody can be suspended from the whole server.")
    return tuple(notes)
