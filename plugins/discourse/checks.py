"""A look at the key and the account behind it; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from moderation.model import Capability
from plugins.contract import Check, CredentialsRefused, Gone, MissingRight, Temporary
from plugins.discourse.actions import ACTIONS
from plugins.discourse.categories import SETTING
from plugins.discourse.client import Client
from plugins.discourse.limits import READ_SETTINGS, limits_of
from plugins.discourse.reader import READ_POSTS
from plugins.discourse.review import READ_QUEUE
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Json

READ_ACCOUNT = "read the key's own account"
READ_ABOUT = "read the forum's about page"
_ANYBODY = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE})
_STAFF_ONLY = frozenset(ACTIONS) - _ANYBODY
_NO_STAFF = MissingRight(
    "Only a moderator of the forum may do this: make the account one there, then check the connection.",
    missing="moderator",
)
_NO_PLUGIN = MissingRight(
    "The forum's plugin for answers, Solved, is off: switch it on there, then check the connection.", missing="Solved"
)
_NO_QUEUE = MissingRight(
    "The API key may not read the review queue: give it that scope in the forum's admin pages, then check the "
    "connection.",
    missing="review",
)


def check(client: Client, settings: DiscourseSettings) -> Check:
    """Three calls: who the key acts as, what runs there, what a post may be.

    A key limited to scopes may not ask for the first, and is tried out by two more.
    """
    account = _account(client)
    limited = account is None
    staff = account is None or account.get("admin") is True or account.get("moderator") is True
    missing = _unreadable(client) if limited else []
    told = _settings(client)
    lacks = _lacks(client, told or {}, limited=limited) if staff else dict.fromkeys(_STAFF_ONLY, str(_NO_STAFF))
    return Check(
        account=str((account or {}).get("username") or settings.api_username),
        server=_server(client),
        may=frozenset(ACTIONS) - lacks.keys(),
        missing=(*missing, *([] if staff else [_not_staff(settings)])),
        notes=(*_notes(settings, staff=staff, limited=limited, told=told is not None), *_on_rights(account, told)),
        limits=limits_of(told or {}),
        lacks=lacks,
    )


def _settings(client: Client) -> Json | None:
    """What the forum tells its own pages of its settings; None for a key that may not read it."""
    try:
        return client.get("/site/settings.json", READ_SETTINGS)
    except (Gone, MissingRight):
        return None


def _lacks(client: Client, told: Json, *, limited: bool) -> Mapping[Capability, str]:
    """What staff lacks. To mark an answer takes a plugin that shows, to decide flags a key that sees them."""
    lacks = {} if told.get("solved_enabled") is True else {Capability.MARK_ANSWER: str(_NO_PLUGIN)}
    if limited:
        try:
            client.get("/review.json", READ_QUEUE)
        except (Gone, MissingRight):
            lacks[Capability.RESOLVE_REPORT] = str(_NO_QUEUE)
    return lacks


def _on_rights(account: Json | None, told: Json | None) -> list[str]:
    """What stands between Tenth and giving somebody rights in a single category."""
    if account is None or account.get("admin") is not True:
        return ["Rights in single categories take an administrator's account with a key without scopes."]
    if told is not None and told.get(SETTING) is not True:
        return [f"Rights in single categories cannot be given: the forum's setting “{SETTING}” is off."]
    return []


def _account(client: Client) -> Json | None:
    """None for a key that is limited to scopes: none of them covers this question."""
    try:
        account = client.get("/session/current.json", READ_ACCOUNT).get("current_user")
    except MissingRight:
        return None
    except Gone as error:
        raise CredentialsRefused("The key acts as nobody: check the user name it is used with.") from error
    if not isinstance(account, dict):
        raise Temporary("The forum's answer has an unknown form.", detail="current_user is missing")
    return account


def _server(client: Client) -> str:
    """The about page can be switched off; the version is for people only."""
    try:
        about = client.get("/about.json", READ_ABOUT).get("about")
    except (Gone, MissingRight):
        return "Discourse"
    version = about.get("version") if isinstance(about, dict) else None
    return f"Discourse {version}" if isinstance(version, str) else "Discourse"


def _unreadable(client: Client) -> list[str]:
    try:
        client.get("/posts.json", READ_POSTS)
    except MissingRight as error:
        return [f"{error.missing}: add this scope to the API key in the forum's admin pages."]
    return []


def _not_staff(settings: DiscourseSettings) -> str:
    names = ", ".join(sorted(_STAFF_ONLY))
    return (
        f"{names}: the account “{settings.api_username}” is no moderator. "
        "Make it one on the forum if Tenth is to moderate; answering works without."
    )


def _notes(settings: DiscourseSettings, *, staff: bool, limited: bool, told: bool) -> list[str]:
    notes = []
    if limited:
        notes.append("The key is limited to scopes, so what it may do shows only when it is done.")
    if not told:
        notes.append("The key may not read the forum's settings, so Discourse's default limits for a post are assumed.")
    if settings.webhook_secret is None:
        notes.append("No webhook secret is set: new posts come by polling only.")
    if not staff:
        notes.append("Deletions are noticed later than a moderator's account would notice them.")
    return notes
