"""Moderators of one community: the right that Lemmy gives and takes for a community and nothing else."""

from __future__ import annotations

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Ambiguous, Holder, MissingRight, Permanent
from plugins.lemmy.actions import digits
from plugins.lemmy.api import Lemmy
from plugins.lemmy.client import Json, unknown_form
from plugins.lemmy.shape import handle_of, part

APPOINT = "appoint moderators (the account moderates the community or is an administrator)"
ADMIN = "an administrator of the server"
_RANK = frozenset({"not_higher_mod", "not_higher_admin", "not_top_mod"})


def give(lemmy: Lemmy, permit: Permit, holder: Holder, place: str) -> None:
    """Makes somebody a moderator of one community. On one of another server the list changes only when that server
    has announced it, so there the answer is no proof.
    """
    if permit.capability != Capability.GRANT:
        raise Permanent("The permit is not one to give a right; nothing was sent.")
    community = _community(lemmy, place)
    if holder.remote_id in {one.remote_id for one in _moderators(community)}:
        return
    try:
        answer = _change(lemmy, holder, place, added=True)
    except Permanent as error:
        if "already_exists" in error.detail:
            return
        raise
    listed = {one.remote_id for one in _moderators(answer)}
    if _is_local(community) and holder.remote_id not in listed:
        raise Ambiguous("The server took the appointment and does not show it.")


def take(lemmy: Lemmy, holder: Holder, place: str) -> None:
    """Takes it back. Of somebody who was appointed before our account, only an administrator can."""
    if holder.via:
        raise Permanent(f"“{holder.handle}” is {holder.via}: no right of one community, and so not Tenth's to take.")
    community = _community(lemmy, place)
    if holder.remote_id == str(lemmy.me().id):
        raise Permanent("This is the account that Tenth acts as; its own right is not Tenth's to take.")
    if holder.remote_id not in {one.remote_id for one in _moderators(community)}:
        return
    try:
        answer = _change(lemmy, holder, place, added=False)
    except MissingRight as error:
        raise _in_words(error, holder) from error
    except Permanent as error:
        if "cannot_leave_mod" in error.detail:
            words = f"“{holder.handle}” is the community's last moderator, and Lemmy keeps one. Appoint another first."
            raise Permanent(words, detail=error.detail, status=error.status) from error
        raise
    if _is_local(community) and holder.remote_id in {one.remote_id for one in _moderators(answer)}:
        raise Ambiguous("The server took the removal and still shows the moderator.")


def holders(lemmy: Lemmy, place: str) -> tuple[Holder, ...]:
    """The community's moderators, the earliest first, and the server's administrators, who may moderate everywhere."""
    lemmy.me()
    moderators = _moderators(_community(lemmy, place))
    admins = _people(lemmy.site(), "admins", "person", ADMIN)
    known = {one.remote_id for one in moderators}
    return (*moderators, *(one for one in admins if one.remote_id not in known))


def _change(lemmy: Lemmy, holder: Holder, place: str, *, added: bool) -> Json:
    body = {"community_id": int(digits(place)), "person_id": int(digits(holder.remote_id)), "added": added}
    return lemmy.write("POST", "community/mod", APPOINT, body)


def _in_words(error: MissingRight, holder: Holder) -> MissingRight:
    if not any(word in error.detail for word in _RANK):
        return error
    words = (
        f"“{holder.handle}” was appointed before the account that Tenth acts as, and only an earlier moderator or an "
        "administrator can remove them."
    )
    return MissingRight(words, missing=APPOINT, detail=error.detail, status=error.status)


def _community(lemmy: Lemmy, place: str) -> Json:
    lemmy.me()
    return lemmy.community(id=digits(place))


def _is_local(answer: Json) -> bool:
    return part(part(answer, "community_view"), "community").get("local", True) is True


def _moderators(answer: Json) -> list[Holder]:
    return _people(answer, "moderators", "moderator", "")


def _people(answer: Json, name: str, inner: str, via: str) -> list[Holder]:
    rows = answer.get(name)
    if not isinstance(rows, list):
        raise unknown_form(f"{name} is not a list")
    return [_holder(part(row, inner), via) for row in rows if isinstance(row, dict)]


def _holder(person: Json, via: str) -> Holder:
    if not isinstance(person.get("id"), int):
        raise unknown_form("a moderator has no id")
    return Holder(str(person["id"]), handle_of(person), via)
