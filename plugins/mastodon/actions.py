"""What Tenth does on the platform: it answers in public, edits or takes down its own answers, and acts as staff."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt
from plugins.mastodon import notices, staff
from plugins.mastodon.client import Client, part
from plugins.mastodon.compose import addressed
from plugins.mastodon.deliveries import PUBLIC, Own, Raw, account_of, is_own, objects, status_id
from plugins.mastodon.media import upload
from plugins.mastodon.parse import when
from plugins.mastodon.text import plain

_WIDTH = ("unlisted", "public")


def perform(client: Client, permit: Permit, act: Act, who: Callable[[], Own]) -> Receipt:
    """Carries out one permitted act. `who` says whose token it is, which takes a call."""
    if act.kind is not permit.capability or permit.action_id != act.action_id:
        raise Permanent("The permit is for another act; nothing was sent.")
    action = ACTIONS.get(act.kind)
    if action is None:
        raise Permanent(f"A server of the Mastodon API cannot {act.kind} for one community.")
    return action(client, act, who())


def _reply(client: Client, act: Act, own: Own) -> Receipt:
    """Answers a public post. The parent is read first: Takahe posts an answer to nothing as a new thread."""
    parent = read_status(client, act.target)
    if parent.get("visibility") not in PUBLIC:
        raise Gone("The post to answer is not public any more.")
    form = _form(act, parent, own)
    if act.images:
        form["media_ids[]"] = upload(client, act.images)
    posted = client.post("/api/v1/statuses", form, {"Idempotency-Key": _key(act)}).body
    if not isinstance(posted, dict) or not status_id(posted):
        raise Ambiguous("The server took the answer but did not say which post it became.")
    return receipt_for(client, posted)


def _edit(client: Client, act: Act, own: Own) -> Receipt:
    """Other words for our own post. What an edit leaves out the server takes away, so all of it is sent again."""
    status = _own_status(client, act, own)
    warning = given_warning(act) or plain(status.get("spoiler_text"))
    form = {
        "status": edited_text(act, status, own),
        "spoiler_text": warning,
        "sensitive": _truth(bool(warning) or status.get("sensitive") is True),
        "media_ids[]": [status_id(one) for one in objects(status.get("media_attachments"))],
    }
    if language := act.options.get("language") or status.get("language"):
        form["language"] = str(language)
    edited = client.put(f"/api/v1/statuses/{part(act.target)}", form).body
    if not isinstance(edited, dict) or status_id(edited) != act.target:
        raise Ambiguous("The server took the new words but did not show the post with them.")
    return receipt_for(client, edited)


def _delete(client: Client, act: Act, own: Own) -> Receipt:
    """Takes down our own post, and its pictures with it, which Mastodon otherwise keeps for a day."""
    status = _own_status(client, act, own)
    client.delete(f"/api/v1/statuses/{part(act.target)}?delete_media=true")
    return gone_receipt(client, act, plain(status.get("url")))


ACTIONS: Mapping[Capability, Callable[[Client, Act, Own], Receipt]] = {
    Capability.REPLY: _reply,
    Capability.EDIT: _edit,
    Capability.DELETE: _delete,
    **dict.fromkeys(staff.ON_ACCOUNTS, staff.on_account),
    Capability.RESOLVE_REPORT: staff.resolve,
    Capability.NOTIFY: notices.send,
}
#: What any account may do that may write.
ANSWERING = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE, Capability.NOTIFY})


# ------------------------------------------------------------------ what is sent


def _form(act: Act, parent: Raw, own: Own) -> dict[str, Any]:
    """Always says the visibility: GoToSocial's default is unlisted, whatever the parent is."""
    author = "" if is_own(parent, own) else plain(account_of(parent).get("acct"))
    form: dict[str, Any] = {
        "status": _addressed_text(act.text, author, own),
        "in_reply_to_id": act.target,
        "visibility": _visibility(str(parent["visibility"]), act.options.get("visibility")),
    }
    if warning := given_warning(act) or plain(parent.get("spoiler_text")):
        form |= {"spoiler_text": warning, "sensitive": "true"}
    if language := act.options.get("language"):
        form["language"] = str(language)
    return form


def edited_text(act: Act, status: Raw, own: Own) -> str:
    """The new words, with the name of whom our post answers in front, as when it was sent."""
    answered = str(status.get("in_reply_to_account_id") or "")
    names = [plain(one.get("acct")) for one in objects(status.get("mentions")) if status_id(one) == answered]
    return _addressed_text(act.text, names[0] if names else "", own)


def _addressed_text(text: str, author: str, own: Own) -> str:
    if not text.strip():
        raise Permanent("The answer is empty.")
    return addressed(text, author, own.domain)


def given_warning(act: Act) -> str:
    """The content warning that was asked for; "": the one that is there is kept."""
    return plain(act.options.get("content_warning")).strip()


def _visibility(parent: str, wished: object) -> str:
    """The narrower of the parent's and the wished one; an answer of the desk is never private."""
    if wished is None:
        return parent
    if wished not in _WIDTH:
        raise Permanent(f"“{wished}” is not a visibility of a public answer. Use public or unlisted.")
    return min(parent, str(wished), key=_WIDTH.index)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _key(act: Act) -> str:
    return act.idempotency_key or f"tenth-action-{act.action_id}"


# ------------------------------------------------------------------ what is there


def read_status(client: Client, remote_id: str) -> Raw:
    """A status as it is now. Raises Gone for one that is not there, or not a status."""
    found = client.get(f"/api/v1/statuses/{part(remote_id)}").body
    if not isinstance(found, dict) or not status_id(found):
        raise Gone("The server does not show this post (any more).")
    return found


def _own_status(client: Client, act: Act, own: Own) -> Raw:
    """Servers refuse what is not ours, each in its own way; Takahe as if the token were bad."""
    status = read_status(client, act.target)
    if not is_own(status, own):
        raise Permanent("This post is somebody else's; nothing was sent.")
    return status


def receipt_for(client: Client, status: Raw) -> Receipt:
    """A receipt for a status as it stands: made, or changed last, when it says so."""
    at: datetime = when(status.get("edited_at")) or when(status.get("created_at")) or client.now()
    return Receipt(remote_id=status_id(status), url=plain(status.get("url")) or plain(status.get("uri")), at=at)


def gone_receipt(client: Client, act: Act, url: str = "") -> Receipt:
    """A receipt for a post that is not there any more; `url` is where it was."""
    return Receipt(remote_id=act.target, url=url, at=client.now())
