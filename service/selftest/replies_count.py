"""What became of the answers of a trial: the desk's rows held against the platform's own books."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from moderation.model import Capability
from service.db.models import Action
from service.db.reply_tables import Reply
from service.deps import Deps
from service.usecases.searching import LONGEST_SEARCH

MARK = re.compile(r"trial-[a-z]+")


@dataclass(slots=True)
class Tally:
    """One platform's count of answers.

    approved: handed over to be sent, and not taken back. posted: stand on the platform. waiting: the outcome is not
    known and a person is told why; `there` of them stand on the platform all the same. returned: came back with a
    reason. doubled: posts too many. lost: neither posted, nor waiting, nor returned. astray: the desk says something
    else than the platform, or something stands there that nobody approved.
    """

    approved: int = 0
    posted: int = 0
    waiting: int = 0
    there: int = 0
    returned: int = 0
    doubled: int = 0
    lost: int = 0
    astray: int = 0


def count(deps: Deps, connection_id: int, said: Sequence[tuple[str, str]]) -> Tally:
    """`said` is (id, text) of all that the platform shows in the brand's name."""
    books: dict[str, list[str]] = defaultdict(list)
    for remote_id, text in said:
        for mark in MARK.findall(text):
            books[mark].append(remote_id)
    tally = Tally()
    for reply, action in _answers(deps, connection_id):
        tally.approved += 1
        add(tally, reply, action, [i for mark in MARK.findall(reply.text) for i in books.pop(mark, [])])
    tally.astray += sum(len(ids) for ids in books.values())
    return tally


def add(tally: Tally, reply: Reply, action: Action, ids: Sequence[str]) -> None:
    """Counts one answer that stands on the platform under these ids."""
    told = bool(reply.error.strip())
    waits = action.state == "unknown" and told
    back = reply.state == "returned" and told
    tally.posted += bool(ids)
    tally.doubled += max(0, len(ids) - 1)
    tally.waiting += waits
    tally.there += waits and bool(ids)
    tally.returned += back
    if ids:
        tally.astray += not (waits or (reply.state == "sent" and reply.remote_id in ids))
    else:
        tally.lost += not (waits or back)


def _answers(deps: Deps, connection_id: int) -> list[tuple[Reply, Action]]:
    """Each answer with its last action that was not taken back."""
    kept = (Action.connection_id == connection_id, Action.kind == Capability.REPLY, Action.state != "cancelled")
    last = select(func.max(Action.id)).where(*kept).group_by(Action.reply_id)
    query = select(Reply, Action).join(Action, Action.reply_id == Reply.id).where(Action.id.in_(last))
    with deps.store.read() as session:
        return [(reply, action) for reply, action in session.execute(query)]


def unsettled(deps: Deps) -> int:
    """Actions that the workers still have to do with."""
    searched = and_(Action.state == "unknown", Action.due_at < deps.now() + LONGEST_SEARCH)
    with deps.store.read() as session:
        query = select(func.count(Action.id)).where(or_(Action.state.in_(("approved", "sending")), searched))
        return session.scalar(query) or 0
