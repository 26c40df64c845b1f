"""What Tenth does on a Lemmy server: one function per capability."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt
from plugins.lemmy import notices
from plugins.lemmy.api import Lemmy
from plugins.lemmy.client import Json
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import COMMENT, POST, is_dead, part
from plugins.lemmy.text import pictures_in
from plugins.lemmy.uploads import upload
from plugins.pictures import with_pictures

WRITE = "write comments"
OWN = "change own posts and comments"
MODERATE = "moderate the community (the account is one of its moderators)"
SITE = "ban from the whole server (the account is an administrator)"
RESOLVE = "close reports (the account moderates the community)"
#: What the public log shows where nobody gave a reason; 1.0 wants one.
NO_REASON = "Done by the community's team."
_TARGET = re.compile(r"(post|comment)-([0-9]{1,18})")
_REPORT = re.compile(r"(post|comment)-report-([0-9]{1,18})")


def perform(lemmy: Lemmy, settings: LemmySettings, permit: Permit, act: Act) -> Receipt:
    """Carries out one permitted act."""
    if permit.action_id != act.action_id or permit.capability != act.kind:
        raise Permanent("The permit is for another act; nothing was sent.")
    action = ACTIONS.get(act.kind)
    if action is None:
        raise Permanent(f"“{act.kind}” is not something Tenth can do on a Lemmy server.")
    lemmy.me()
    return action(lemmy, settings, act)


# ------------------------------------------------------------------ our own posts


def _reply(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """A comment below a post or a comment. A moderator could write in a locked thread; an answer in public does not."""
    _must_have_text(act)
    kind, number = target_of(act)
    view = alive(lemmy, kind, number)
    post = part(view, POST)
    if is_dead(post):
        raise Gone("The thread was removed; nothing was sent.")
    if post.get("locked"):
        raise Gone("The thread is locked, so nobody can answer in it; nothing was sent.")
    body: Json = {"post_id": post.get("id")}
    if kind == COMMENT:
        body["parent_id"] = int(number)
    body["content"] = with_pictures(act.text, upload(lemmy, settings.url, act.images))
    made = part(part(lemmy.write("POST", COMMENT, WRITE, body), "comment_view"), COMMENT)
    return comment_receipt(lemmy, settings, made)


def _edit(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """Other words for our own; its pictures stay."""
    _must_have_text(act)
    kind, number = target_of(act)
    record = own(lemmy, kind, number)
    field = "body" if kind == POST else "content"
    text = with_pictures(act.text, pictures_in(str(record.get(field) or "")))
    lemmy.write("PUT", kind, OWN, {f"{kind}_id": int(number), field: text})
    return done(lemmy, settings, act)


def _delete(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """Takes down our own comment; never a post, which would take everybody's comments out of sight with it."""
    kind, number = target_of(act)
    own(lemmy, kind, number)
    if kind == POST:
        raise Permanent("This post opens a thread; deleting it would hide every answer in it. Nothing was sent.")
    method, path = ("DELETE", kind) if lemmy.v4 else ("POST", f"{kind}/delete")
    lemmy.write(method, path, OWN, {f"{kind}_id": int(number), "deleted": True})
    return done(lemmy, settings, act)


# ------------------------------------------------------------------ moderating


def _hide(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return _remove(lemmy, settings, act, removed=True)


def _restore(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return _remove(lemmy, settings, act, removed=False)


def _remove(lemmy: Lemmy, settings: LemmySettings, act: Act, *, removed: bool) -> Receipt:
    kind, number = target_of(act)
    body = {f"{kind}_id": int(number), "removed": removed, "reason": _reason(act)}
    lemmy.write("POST", f"{kind}/remove", MODERATE, body)
    return done(lemmy, settings, act)


def _lock(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return _close(lemmy, settings, act, locked=True)


def _unlock(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return _close(lemmy, settings, act, locked=False)


def _close(lemmy: Lemmy, settings: LemmySettings, act: Act, *, locked: bool) -> Receipt:
    body: Json = {"post_id": int(digits(act.target)), "locked": locked}
    if lemmy.v4:
        body["reason"] = _reason(act)
    lemmy.write("POST", "post/lock", MODERATE, body)
    return done(lemmy, settings, act)


def _silence(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """Banned from one community, what they wrote there stays."""
    return _ban(lemmy, settings, act, ban=True)


def _unsilence(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return _ban(lemmy, settings, act, ban=False)


def _ban(lemmy: Lemmy, settings: LemmySettings, act: Act, *, ban: bool) -> Receipt:
    body = _sentence(lemmy, act, ban=ban) | {"community_id": int(community_of(act))}
    lemmy.write("POST", "community/ban_user", MODERATE, body)
    return done(lemmy, settings, act)


def _suspend(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """Banned from the whole server."""
    return _ban_everywhere(lemmy, settings, act, ban=True)


def _unsuspend(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return _ban_everywhere(lemmy, settings, act, ban=False)


def _ban_everywhere(lemmy: Lemmy, settings: LemmySettings, act: Act, *, ban: bool) -> Receipt:
    lemmy.write("POST", "admin/ban" if lemmy.v4 else "user/ban", SITE, _sentence(lemmy, act, ban=ban))
    return done(lemmy, settings, act)


def _sentence(lemmy: Lemmy, act: Act, *, ban: bool) -> Json:
    """Who, and for how long. Never with the removal of what they wrote, which one act could not take back."""
    body: Json = {"person_id": int(digits(act.target)), "ban": ban, "reason": _reason(act)}
    hours = act.options.get("hours")
    if ban and hours is not None:
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= 24 * 3660:
            raise Permanent("The option “hours” is not a number of hours; nothing was sent.")
        ends = lemmy.client.now() + timedelta(hours=hours)
        body["expires_at" if lemmy.v4 else "expires"] = int(ends.timestamp())
    return body


def _resolve_report(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """Lemmy knows open and closed only. 1.0 tells the reporter the reason that is given."""
    kind, number = report_of(act)
    body: Json = {"report_id": int(number), "resolved": True}
    if lemmy.v4 and _given(act):
        body["resolve_reason"] = _given(act)
    lemmy.write("PUT", f"{kind}/report/resolve", RESOLVE, body)
    return done(lemmy, settings, act)


ACTIONS: Mapping[Capability, Callable[[Lemmy, LemmySettings, Act], Receipt]] = {
    Capability.REPLY: _reply,
    Capability.EDIT: _edit,
    Capability.DELETE: _delete,
    Capability.HIDE: _hide,
    Capability.RESTORE: _restore,
    Capability.LOCK: _lock,
    Capability.UNLOCK: _unlock,
    Capability.SILENCE: _silence,
    Capability.UNSILENCE: _unsilence,
    Capability.SUSPEND: _suspend,
    Capability.UNSUSPEND: _unsuspend,
    Capability.RESOLVE_REPORT: _resolve_report,
    Capability.NOTIFY: notices.send,
}
ANYBODY = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE, Capability.NOTIFY})
ADMINS = frozenset({Capability.SUSPEND, Capability.UNSUSPEND})
_ON_PEOPLE = ADMINS | {Capability.SILENCE, Capability.UNSILENCE}


# ------------------------------------------------------------------ small parts


def target_of(act: Act) -> tuple[str, str]:
    """A message's kind and number. It goes into a request: anything else could be another one."""
    found = _TARGET.fullmatch(act.target)
    if found is None:
        raise Gone(f"“{act.target}” is not a message of a Lemmy server.")
    return found[1], found[2]


def report_of(act: Act) -> tuple[str, str]:
    found = _REPORT.fullmatch(act.target)
    if found is None:
        raise Gone(f"“{act.target}” is not a report of a Lemmy server.")
    return found[1], found[2]


def digits(remote_id: str) -> str:
    if not re.fullmatch(r"[0-9]{1,18}", remote_id):
        raise Gone(f"“{remote_id}” is not an id of a Lemmy server.")
    return remote_id


def community_of(act: Act) -> str:
    wanted = str(act.options.get("community") or "")
    if not re.fullmatch(r"[0-9]{1,18}", wanted):
        raise Permanent("To silence somebody here needs the option “community”: the id of the community.")
    return wanted


def alive(lemmy: Lemmy, kind: str, number: str) -> Json:
    view = lemmy.view(kind, number)
    if is_dead(part(view, kind)):
        raise Gone("The message was deleted or removed; nothing was sent.")
    return view


def own(lemmy: Lemmy, kind: str, number: str) -> Json:
    """Our own post or comment: whose it is is looked at first, so that the words of a refusal are ours."""
    record = part(alive(lemmy, kind, number), kind)
    if record.get("creator_id") != lemmy.me().id:
        raise Permanent("This is somebody else's; nothing was sent.")
    return record


def _must_have_text(act: Act) -> None:
    if not act.text.strip():
        raise Permanent("The reply has no text; nothing was sent.")


def _given(act: Act) -> str:
    return str(act.options.get("reason") or act.text).strip()[:1_000]


def _reason(act: Act) -> str:
    return _given(act) or NO_REASON


def comment_receipt(lemmy: Lemmy, settings: LemmySettings, comment: Json) -> Receipt:
    number = comment.get("id")
    if not isinstance(number, int):
        raise Ambiguous("The server took the comment and did not say which one it became.")
    return Receipt(f"{COMMENT}-{number}", f"{settings.url}/{COMMENT}/{number}", lemmy.client.now())


def done(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    return Receipt(act.target, f"{settings.url}/{_page(act)}", lemmy.client.now())


def _page(act: Act) -> str:
    """Where a person sees what was done."""
    if act.kind in _ON_PEOPLE:
        return f"u/{act.options['handle']}" if act.options.get("handle") else f"modlog?userId={act.target}"
    if act.kind == Capability.RESOLVE_REPORT:
        return "reports"
    return f"{POST}/{act.target}" if act.kind in {Capability.LOCK, Capability.UNLOCK} else act.target.replace("-", "/")
