"""Messages as platforms show them, as rows: with a revision for each text and a score for each revision.

Everything here runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from moderation.model import MessageSeen
from moderation.scoring.contract import Score
from service.db.deliveries import insert_new
from service.db.incoming import Incoming, State, newer, text_digest
from service.db.models import Message, Revision, ScoreRow, Tombstone


def known_states(session: Session, connection_id: int, remote_ids: Iterable[str]) -> dict[str, State]:
    """The stored state of each message that is stored."""
    latest = (
        select(Revision.digest)
        .where(Revision.message_id == Message.id)
        .order_by(Revision.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (
        Message.remote_id,
        Message.id,
        Message.version,
        latest,
        Message.likes,
        Message.shares,
        Message.deleted_at,
        Message.thread_id,
    )
    query = select(*columns).where(Message.connection_id == connection_id, Message.remote_id.in_(list(remote_ids)))
    return {r[0]: State(r[1], r[2], r[3] or "", r[4], r[5], r[6] is not None, r[7]) for r in session.execute(query)}


def ended(session: Session, connection_id: int, remote_ids: Iterable[str]) -> dict[str, datetime]:
    """When messages that are gone went."""
    query = select(Tombstone.remote_id, Tombstone.at).where(
        Tombstone.connection_id == connection_id, Tombstone.remote_id.in_(list(remote_ids))
    )
    return {row[0]: row[1] for row in session.execute(query)}


def keep_messages(session: Session, incoming: Incoming, authors: Mapping[str, int], threads: Mapping[str, int]) -> None:
    """Writes new messages, new texts of known ones, and what was counted of them. `authors` and `threads` are ids."""
    states = known_states(session, incoming.connection_id, [*incoming.seen, *incoming.gone])
    ends = ended(session, incoming.connection_id, incoming.seen)
    fresh = {r: e for r, e in incoming.seen.items() if newer(e, states.get(r), ends.get(r)) and r in incoming.scores}
    _insert_messages(session, incoming, fresh, states, authors, threads)
    _update_messages(session, incoming, fresh, states, authors)
    _update_counts(session, incoming, states)


def _insert_messages(
    session: Session,
    incoming: Incoming,
    fresh: Mapping[str, MessageSeen],
    states: Mapping[str, State],
    authors: Mapping[str, int],
    threads: Mapping[str, int],
) -> None:
    new = [e for r, e in fresh.items() if r not in states]
    rows = [
        {
            "connection_id": incoming.connection_id,
            "remote_id": e.remote_id,
            "thread_id": threads[e.thread.remote_id],
            "created_at": e.created_at,
            "visibility": e.visibility,
            **_text_values(e, incoming.scores[e.remote_id], authors),
        }
        for e in new
    ]
    if not rows:
        return
    insert_new(session, Message, rows)
    ids = known_states(session, incoming.connection_id, [e.remote_id for e in new])
    _insert_revisions(session, incoming, [(ids[e.remote_id].id, e) for e in new])


def _text_values(e: MessageSeen, score: Score, authors: Mapping[str, int]) -> dict[str, Any]:
    return {
        "author_id": authors[e.author.remote_id],
        "in_reply_to": e.in_reply_to,
        "version": e.version,
        "text": e.text,
        "url": e.url[:500],
        "language": e.language[:20] or score.language,
        "content_warning": e.content_warning,
        "likes": e.likes,
        "shares": e.shares,
        "addressed": e.addressed,
        "edited_at": e.edited_at,
        "deleted_at": None,
        "toxicity": score.toxicity,
        "urgency": score.urgency,
        "sentiment": score.sentiment,
        "rules": ",".join(score.rules),
        "intents": {name: round(chance, 2) for name, chance in score.intents.items() if chance >= 0.05},
    }


def _insert_revisions(session: Session, incoming: Incoming, pairs: Sequence[tuple[int, MessageSeen]]) -> None:
    rows = [
        {
            "message_id": message_id,
            "version": e.version,
            "digest": text_digest(e.text),
            "text": e.text,
            "seen_at": incoming.now,
        }
        for message_id, e in pairs
    ]
    insert_new(session, Revision, rows)
    wanted = {(row["message_id"], row["version"], row["digest"]): e for row, (_, e) in zip(rows, pairs, strict=True)}
    query = select(Revision.id, Revision.message_id, Revision.version, Revision.digest).where(
        Revision.message_id.in_([m for m, _ in pairs])
    )
    found = {(r.message_id, r.version, r.digest): r.id for r in session.execute(query)}
    scores = [_score_row(found[key], incoming.scores[e.remote_id], incoming.now) for key, e in wanted.items()]
    insert_new(session, ScoreRow, scores)


def _score_row(revision_id: int, score: Score, now: datetime) -> dict[str, Any]:
    return {
        "revision_id": revision_id,
        "scorer": score.scorer,
        "toxicity": score.toxicity,
        "urgency": score.urgency,
        "sentiment": score.sentiment,
        "language": score.language,
        "rules": ",".join(score.rules),
        "reasons": [[r.code, r.quote, round(r.weight, 3)] for r in score.reasons],
        "classes": {name: round(value, 3) for name, value in score.classes.items()},
        "intents": {name: round(value, 3) for name, value in score.intents.items()},
        "scored_at": now,
    }


def _update_messages(
    session: Session,
    incoming: Incoming,
    fresh: Mapping[str, MessageSeen],
    states: Mapping[str, State],
    authors: Mapping[str, int],
) -> None:
    edited = [(states[r].id, e) for r, e in fresh.items() if r in states]
    for message_id, e in edited:
        values = _text_values(e, incoming.scores[e.remote_id], authors)
        session.execute(update(Message).where(Message.id == message_id).values(**values))
    if edited:
        _insert_revisions(session, incoming, edited)


def _update_counts(session: Session, incoming: Incoming, states: Mapping[str, State]) -> None:
    rows = [
        {"b_id": state.id, "b_likes": e.likes, "b_shares": e.shares}
        for r, e in incoming.seen.items()
        if (state := states.get(r)) and (state.likes, state.shares) != (e.likes, e.shares)
    ]
    if rows:
        statement = update(Message).where(Message.id == bindparam("b_id"))
        statement = statement.values(likes=bindparam("b_likes"), shares=bindparam("b_shares"))
        session.connection().execute(statement, rows)
