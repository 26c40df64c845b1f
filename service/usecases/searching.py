"""Looking on a platform for an effect that may have happened: a call left, and no answer came.

It is looked for again and again for ten minutes, because an effect can land after the first look; then a person
decides. Nothing is ever sent again because it was not found.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as DbSession

from moderation.errors import TenthError
from moderation.model import Capability
from plugins.contract import Act, Receipt
from service.db.models import Action, Outbox, Person
from service.deps import Deps
from service.usecases.connections import ready_session
from service.usecases.settling import act_of, note, settle, settle_reply

log = structlog.get_logger(__name__)

#: How long an effect is looked for.
SEARCH = timedelta(minutes=10)
#: The shortest pause between two looks.
LOOK_AFTER = timedelta(seconds=30)
#: How long a platform is asked that does not answer.
LONGEST_SEARCH = timedelta(hours=24)
#: When what waits for a person is due.
NEVER = timedelta(days=3650)
#: How much earlier than our own clock the platform's may stamp our post.
SKEW = timedelta(minutes=2)
_NOT_THERE = (
    "No answer came to the call, and ten minutes of looking did not find it on the platform. Look there yourself."
)
_NEVER_ASKED = "No answer came to the call, and the platform could not be asked for a day. Look there yourself."


def next_look(since: timedelta) -> timedelta:
    """The pause doubles with the time since the call, so that looks leave calls for answers; one falls at the end."""
    return max(LOOK_AFTER, min(since, abs(SEARCH - since)))


def find(deps: Deps, action_id: int) -> bool:
    """Looks on the platform for an effect that may have happened. True when it was found.

    It is given up only by a look that was answered after the search's time: the effect can land after any earlier one.
    """
    with deps.store.read() as session:
        action = session.get_one(Action, action_id)
        tries = select(func.min(Outbox.sending_at), func.max(Outbox.sending_at)).where(Outbox.action_id == action_id)
        first, last = session.execute(tries).one()
        act = act_of(session, action)
    now = deps.now()
    try:
        receipt = _look(deps, action, act, first - SKEW)
    except TenthError as error:
        log.warning("action.search_failed", action=action_id, error=type(error).__name__)
        if now - last > LONGEST_SEARCH:
            _give_up(deps, action_id, _NEVER_ASKED)
        return False
    if receipt is None or not _found(deps, action, receipt):
        if now - last > SEARCH:
            _give_up(deps, action_id, _NOT_THERE)
        return False
    return True


def _look(deps: Deps, action: Action, act: Act, since: datetime) -> Receipt | None:
    with closing(ready_session(deps, action.connection_id, action.account_id)) as platform:
        return platform.find_existing(act, since)


def _found(deps: Deps, action: Action, receipt: Receipt) -> bool:
    """Writes that it is done, unless the post is another action's, or somebody decided meanwhile."""
    with deps.store.write() as session:
        if action.kind == Capability.REPLY and _claimed_by_another(session, action, receipt):
            return False
        unknown = (Action.id == action.id, Action.state == "unknown")
        done = update(Action).where(*unknown).values(state="done", error="").returning(Action.id)
        if session.execute(done).one_or_none() is not None:
            settle(deps, session, action.id, action.attempt, "done", receipt)
    return True


def _claimed_by_another(session: DbSession, action: Action, receipt: Receipt) -> bool:
    query = select(Outbox.action_id).where(
        Outbox.connection_id == action.connection_id, Outbox.remote_id == receipt.remote_id
    )
    return session.scalar(query.where(Outbox.action_id != action.id)) is not None


def _give_up(deps: Deps, action_id: int, words: str) -> None:
    """Looking found nothing: a person decides, with both facts in view. Nothing is sent again."""
    with deps.store.write() as session:
        action = session.get_one(Action, action_id, with_for_update=True)
        if action.state != "unknown":
            return
        action.error, action.due_at = words, deps.now() + NEVER
        settle_reply(deps, session, action, "unknown")
        note(deps, session, action, session.get_one(Person, action.person_id), "give_up")
