"""A look at the token and the account behind it; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from moderation.model import Capability
from plugins.contract import Check, CredentialsRefused, Gone, MissingRight
from plugins.nodebb.actions import ACTIONS
from plugins.nodebb.client import Client
from plugins.nodebb.flags import READ_FLAGS
from plugins.nodebb.limits import limits_of
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, is_on
from plugins.nodebb.text import shown_name

READ_ACCOUNT = "read the token's own account"
READ_CONFIG = "read the forum's configuration"
_ANYBODY = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE})
_CHAT = frozenset({Capability.NOTIFY})
_SANCTIONS = frozenset({Capability.SILENCE, Capability.UNSILENCE, Capability.SUSPEND, Capability.UNSUSPEND})
_NO_CHAT = MissingRight(
    "Chats are off on the forum: switch them on there, then check the connection.", missing="disableChat"
)
_NO_MODERATOR = MissingRight(
    "Only a moderator of a category may do this: make the account one on the forum, then check the connection.",
    missing="moderator",
)
_NOT_GLOBAL = MissingRight(
    "Only a global moderator may do this: make the account one on the forum, then check the connection.",
    missing="global moderator",
)


def check(client: Client, settings: NodebbSettings) -> Check:
    """Four calls: whom the token acts as, what a post may be, and what the account may moderate."""
    config = client.page("/api/config", READ_CONFIG)
    if config.get("uid") != settings.uid:
        words = f"The token acts as account {config.get('uid')}, not as {settings.uid}: it is that account's own token."
        raise CredentialsRefused(words)
    account = client.get(f"/api/v3/users/{settings.uid}", READ_ACCOUNT)
    profile = client.page(f"/api/user/{_slug(account)}", READ_ACCOUNT)
    admin, may_sanction = is_on(profile.get("isAdmin")), is_on(profile.get("isAdminOrGlobalModerator"))
    moderates = _reads_flags(client)
    lacks = _lacks(chats=not is_on(config.get("disableChat")), moderates=moderates, may_sanction=may_sanction)
    return Check(
        account=shown_name(account.get("username")) or str(settings.uid),
        server="NodeBB",
        may=frozenset(ACTIONS) - lacks.keys(),
        missing=tuple(_missing(moderates=moderates, may_sanction=may_sanction)),
        notes=() if admin else ("Category moderators can be made only with an administrator's account.",),
        limits=limits_of(config),
        lacks=lacks,
    )


def _slug(account: Json) -> str:
    slug = account.get("userslug")
    if not isinstance(slug, str) or not slug or "/" in slug:
        raise CredentialsRefused("The forum does not say what the account is called.")
    return slug


def _reads_flags(client: Client) -> bool:
    """The forum shows flags to whoever moderates anything, and to nobody else."""
    try:
        client.page("/api/flags", READ_FLAGS)
    except (Gone, MissingRight):
        return False
    return True


def _lacks(*, chats: bool, moderates: bool, may_sanction: bool) -> Mapping[Capability, str]:
    moderating = frozenset(ACTIONS) - _ANYBODY - _SANCTIONS - _CHAT
    return (
        dict.fromkeys(_CHAT if not chats else (), str(_NO_CHAT))
        | dict.fromkeys(moderating if not moderates else (), str(_NO_MODERATOR))
        | dict.fromkeys(_SANCTIONS if not may_sanction else (), str(_NOT_GLOBAL))
    )


def _missing(*, moderates: bool, may_sanction: bool) -> list[str]:
    found = []
    if not moderates:
        found.append(
            "hide, restore, lock, unlock, move, resolve_report: the account moderates no category. "
            "Make it a moderator on the forum if Tenth is to moderate; answering works without."
        )
    if not may_sanction:
        found.append("silence, suspend: the account is no global moderator. Only those may mute and ban.")
    return found
