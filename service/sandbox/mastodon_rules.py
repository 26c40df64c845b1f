"""The fediverse server's refusals for what comes by its API; seeding and the control API skip them."""

from __future__ import annotations

from service.sandbox.counting import status_length
from service.sandbox.fediverse import VISIBILITIES, Account, Fediverse, Status, Wish
from service.sandbox.refusal import Refusal


def check_post(fedi: Fediverse, wish: Wish, viewer: Account) -> None:
    fedi.shelf.check(wish.media, viewer.id)
    _check_words(fedi, wish.text, wish.spoiler, wish.media)
    if wish.visibility not in VISIBILITIES:
        raise Refusal(422, "Validation failed: Visibility is not included in the list")
    if wish.in_reply_to and wish.in_reply_to not in fedi.statuses:
        raise Refusal(404, "The post you are trying to reply to does not appear to exist.")
    if wish.in_reply_to:
        fedi.status(wish.in_reply_to, viewer)


def check_edit(fedi: Fediverse, status: Status, text: str, spoiler: str, media: tuple[str, ...]) -> None:
    fedi.shelf.check(media, status.account_id, status.id)
    _check_words(fedi, text, spoiler, media)


def _check_words(fedi: Fediverse, text: str, spoiler: str, media: tuple[str, ...]) -> None:
    limit = fedi.options.max_characters
    if not text.strip() and not media:
        raise Refusal(422, "Validation failed: Text can't be blank")
    if status_length(text, spoiler) > limit:
        raise Refusal(422, f"Validation failed: Text character limit of {limit} exceeded")
