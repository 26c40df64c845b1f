"""Pictures of a draft: taken by what their bytes say they are, and only with words for those who cannot see them."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from moderation.errors import BadInput, NotAllowed
from moderation.policy import Level, level_of
from plugins.contract import Limits
from service.db.reply_tables import BrandAccount, Reply, ReplyImage
from service.deps import Deps
from service.usecases.people import Known
from service.usecases.replies import WRITABLE
from service.usecases.wording import Changed, refuse_foreign

#: The largest picture kept, whatever the platform would take: it lies in the database until it is sent.
LARGEST = 8_000_000
#: First bytes -> type. WebP says so after the size of its container.
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"))
_GIF89 = b"GIF89a"


def kind_of(body: bytes) -> str:
    """The type that a picture's bytes say; "" when they are none of png, jpeg, gif, webp."""
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    if body.startswith(_GIF89):
        return "image/gif"
    return next((kind for start, kind in _MAGIC if body.startswith(start)), "")


def largest(limits: Limits) -> int:
    """The most bytes that a picture may have; 0 where none fits."""
    return min(LARGEST, limits.image_bytes or LARGEST) if limits.images else 0


def add_picture(deps: Deps, reply_id: int, body: bytes, alt: str, person: Known) -> int:
    """Puts a picture to a draft of one's own. Raises BadInput saying what is wrong with it, Changed."""
    mime, alt = kind_of(body), alt.strip()
    with deps.store.write() as session:
        reply = session.get(Reply, reply_id)
        if reply is None or reply.state not in WRITABLE:
            raise Changed("This answer was changed after you opened it. The picture was not added.")
        refuse_foreign(reply, person)
        limits = Limits.read(session.get_one(BrandAccount, reply.account_id).limits)
        held = session.scalar(select(func.count()).where(ReplyImage.reply_id == reply_id)) or 0
        _check(body, mime, alt, limits, held)
        row = ReplyImage(reply_id=reply_id, mime=mime, alt=alt, body=body)
        session.add(row)
        session.flush()
        return row.id


def describe(deps: Deps, reply_id: int, alts: dict[int, str], person: Known) -> None:
    """Changes what pictures of a draft say in words."""
    with deps.store.write() as session:
        reply = session.get(Reply, reply_id)
        if reply is None or reply.state not in WRITABLE or reply.writer_id != person.id:
            return
        limits = Limits.read(session.get_one(BrandAccount, reply.account_id).limits)
        for row in session.scalars(select(ReplyImage).where(ReplyImage.reply_id == reply_id)):
            row.alt = alts.get(row.id, row.alt).strip()[: limits.alt]


def remove_picture(deps: Deps, reply_id: int, picture_id: int, person: Known) -> None:
    """Takes a picture off a draft of one's own. Raises Changed."""
    with deps.store.write() as session:
        reply = session.get(Reply, reply_id)
        if reply is None or reply.state not in WRITABLE:
            raise Changed("This answer was changed after you opened it. The picture was not taken off.")
        refuse_foreign(reply, person)
        session.execute(delete(ReplyImage).where(ReplyImage.id == picture_id, ReplyImage.reply_id == reply_id))


def picture(deps: Deps, reply_id: int, picture_id: int, person: Known) -> tuple[str, bytes]:
    """Type and bytes, for the writer and for who may approve. Raises BadInput, NotAllowed."""
    with deps.store.read() as session:
        reply, row = session.get(Reply, reply_id), session.get(ReplyImage, picture_id)
        if reply is None or row is None or row.reply_id != reply_id:
            raise BadInput("There is no such picture.")
        if reply.writer_id != person.id and level_of(person.asking, reply.account_id) is not Level.APPROVE:
            raise NotAllowed("This picture belongs to somebody else's draft.")
        return row.mime, row.body


def _check(body: bytes, mime: str, alt: str, limits: Limits, held: int) -> None:
    if not body:
        raise BadInput("Choose a picture first.")
    if held >= limits.images:
        raise BadInput(f"This platform takes {limits.images} pictures with a post.")
    if not mime or (limits.image_types and mime not in limits.image_types):
        raise BadInput("This file is no picture that the platform takes. Use png, jpeg, gif or webp.")
    if len(body) > largest(limits):
        raise BadInput(f"This picture is too large: at most {largest(limits) // 1000:,} kB.")
    if not alt:
        raise BadInput("Say in words what the picture shows, for those who cannot see it.")
    if len(alt) > limits.alt:
        raise BadInput(f"The description is too long: at most {limits.alt} characters.")
