"""Acts of which nobody knows whether they happened: a person looks at the platform and says what is there.

The two facts are: no answer came to the call, and ten minutes of looking found nothing. Nothing is sent again here;
what is not there comes back to its writer as a draft.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import AuthorRole, Capability, MessageSeen
from moderation.policy import Level, level_of
from plugins.contract import Receipt
from service.db.audit import Entry, append
from service.db.models import Action, Case, Message, Outbox, Thread
from service.db.reply_tables import BrandAccount
from service.deps import Deps
from service.usecases.connections import Opened, open_session, opened
from service.usecases.people import Known
from service.usecases.searching import LONGEST_SEARCH
from service.usecases.settling import settle_reply

NOT_FOUND = "Somebody looked on the platform: the answer is not there. It was not sent again."


def given_up(action: Action, now: datetime) -> bool:
    """Whether looking for it has ended: before that, its effect may still land."""
    return action.state == "unknown" and action.due_at - now > LONGEST_SEARCH


def it_is_there(deps: Deps, action_id: int, where: str, person: Known) -> None:
    """The act happened: an answer is at this address, or has this id, on the platform.

    The post is looked for in the thread, now, and must be the brand's. Raises BadInput, NotAllowed, ConnectorError.
    """
    with deps.store.read() as session:
        action = _unknown(session, action_id, person)
        connection = opened(deps, session, action.connection_id, action.account_id)
    receipt = Receipt(action.target, "", deps.now())
    if action.kind == Capability.REPLY:
        receipt = _post(deps, connection, action, where.strip())
    with deps.store.write() as session:
        action = _unknown(session, action_id, person)
        _end(deps, session, action, "done", receipt)
        _note(deps, session, action, person, "found", where.strip())


def it_is_not_there(deps: Deps, action_id: int, person: Known) -> None:
    """The act did not happen: the answer is a draft again. Only once looking has ended. Raises BadInput, NotAllowed."""
    with deps.store.write() as session:
        action = _unknown(session, action_id, person)
        if not given_up(action, deps.now()):
            raise BadInput("It may still appear there: nobody can say that it is not while we look for it.")
        action.error = NOT_FOUND
        _end(deps, session, action, "failed", None)
        _note(deps, session, action, person, "missing", "")


def _unknown(session: Session, action_id: int, person: Known) -> Action:
    action = session.get(Action, action_id, with_for_update=True)
    if action is None or action.state != "unknown" or action.reply_id is None or action.account_id is None:
        raise BadInput("It is known by now what became of this.")
    if level_of(person.asking, action.account_id) not in (Level.SEND, Level.APPROVE):
        raise NotAllowed("You do not have the right to send with this brand account.")
    return action


def _end(deps: Deps, session: Session, action: Action, state: str, receipt: Receipt | None) -> None:
    mine = (Outbox.action_id == action.id, Outbox.attempt == action.attempt)
    values = {"outcome": state, "answered_at": deps.now()}
    if receipt is not None and action.kind == Capability.REPLY:
        taken = (Outbox.connection_id == action.connection_id, Outbox.remote_id == receipt.remote_id)
        if session.scalar(select(Outbox.id).where(*taken, Outbox.action_id != action.id)) is not None:
            raise BadInput("That post belongs to another answer of ours.")
        values |= {"remote_id": receipt.remote_id, "url": receipt.url[:500]}
    session.execute(update(Outbox).where(*mine).values(**values))
    action.state = state
    action.error = "" if state == "done" else action.error
    settle_reply(deps, session, action, state, receipt)


def _note(deps: Deps, session: Session, action: Action, person: Known, verb: str, where: str) -> None:
    after = {"state": action.state, "where": where}
    entry = Entry(f"action:{verb}", person.actor, f"action:{action.id}", "", {"state": "unknown"}, after)
    append(session, deps.vault, entry, deps.now())


# ------------------------------------------------------------------ the post that somebody points at


def _post(deps: Deps, connection: Opened, action: Action, where: str) -> Receipt:
    if not where:
        raise BadInput("Paste the address of the post, or its id on the platform.")
    with deps.store.read() as session:
        thread = session.scalars(
            select(Thread).join(Case, Case.thread_id == Thread.id).where(Case.id == action.case_id)
        ).one()
        handle = session.get_one(BrandAccount, action.account_id).handle
        sent = session.scalar(select(func.min(Outbox.sending_at)).where(Outbox.action_id == action.id))
        known = set(session.scalars(select(Message.remote_id).where(Message.thread_id == thread.id)))
    for seen in _posts(deps, connection, thread.remote_id):
        ours = seen.author.role == AuthorRole.BRAND or _bare(seen.author.handle) == _bare(handle)
        if _is(seen, where) and ours:
            return Receipt(seen.remote_id, seen.url, max(seen.created_at, sent or seen.created_at))
    words = "That post is in the conversation, but it is not the brand's." if where in known else ""
    raise BadInput(words or "There is no post of the brand with this address in the conversation.")


def _posts(deps: Deps, connection: Opened, thread_id: str) -> Iterator[MessageSeen]:
    platform = open_session(deps, connection)
    if platform is None:
        return
    with closing(platform):
        page = platform.fetch_thread(thread_id)
    for delivery in page.deliveries:
        if delivery.admitted:
            found = connection.connector.parse(delivery, connection.settings)
            yield from (event for event in found.events if isinstance(event, MessageSeen))


def _is(seen: MessageSeen, where: str) -> bool:
    if where == seen.remote_id:
        return True
    given, real = urlsplit(where), urlsplit(seen.url)
    return bool(given.netloc) and (given.netloc.lower(), given.path.rstrip("/")) == (real.netloc, real.path.rstrip("/"))


def _bare(handle: str) -> str:
    return handle.lstrip("@").casefold()
