"""A look at the token and the account behind it; changes nothing."""

from __future__ import annotations

from moderation.model import Capability
from plugins.contract import Check, Gone
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


def check(lemmy: Lemmy, settings: LemmySettings) -> Check:
    """Two calls to know the account, and one for each community."""
    me = lemmy.me()
    places = {name: _place(lemmy, name) for name in settings.communities}
    unknown = [name for name, number in places.items() if number is None]
    foreign = [n for n, number in places.items() if number is not None and number not in me.moderates and not me.admin]
    return Check(
        account=f"{me.name}@{me.host}" if me.host else me.name,
        server=_server(lemmy),
        may=_may(me, moderates=len(foreign) + len(unknown) < len(places)),
        missing=(*map(_unknown, unknown), *_missing(foreign)),
        notes=_notes(me),
        limits=LIMITS,
    )


def _place(lemmy: Lemmy, name: str) -> int | None:
    """A community's id. A server looks one of another server up there when it does not know it yet."""
    try:
        found = part(part(lemmy.community(name=name), "community_view"), "community").get("id")
    except Gone:
        return None
    return found if isinstance(found, int) else None


def _may(me: Me, *, moderates: bool) -> frozenset[Capability]:
    """What is offered at all; in a community that the account does not moderate, the server still refuses."""
    return ANYBODY | (_MODERATORS if moderates or me.admin else frozenset()) | (ADMINS if me.admin else frozenset())


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
