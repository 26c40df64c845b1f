"""The tables. SQLAlchemy 2 typed models, the same for SQLite and PostgreSQL.

Rows are the queue: `delivery`, `connection` (polls), `case` (looks) and `action` carry state, attempt and lease.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from moderation.grants import Place
from service.db.base import Base, Id


class Person(Base):
    """Somebody who signs in to Tenth."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(20), default="responder")
    locale: Mapped[str] = mapped_column(String(5), default="")
    active: Mapped[bool] = mapped_column(default=True)
    session_key: Mapped[str] = mapped_column(String(64), default="")
    audit_salt: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime]


class ApiClient(Base):
    """A program with a token of its own; only the token's digest is kept."""

    __tablename__ = "api_client"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(String(1000))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Switch(Base):
    """Settings that people change while the service runs, such as the global stop."""

    __tablename__ = "switch"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(400), default="")
    changed_at: Mapped[datetime]


class Connection(Base):
    """One configured, credentialed instance of a connector. Its poll is work: due, claimed, fenced.

    `may` are the capabilities that the last check found its credential to have (None: never checked), `lacks` the words
    of that check about others: what is missing, and how to give it.
    """

    __tablename__ = "connection"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    connector: Mapped[str] = mapped_column(String(40))
    settings: Mapped[dict[str, Any]]
    sealed: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    url: Mapped[str] = mapped_column(String(500), default="")
    account: Mapped[str] = mapped_column(String(200), default="")
    server: Mapped[str] = mapped_column(String(200), default="")
    may: Mapped[list[Any] | None]
    lacks: Mapped[dict[str, Any] | None]
    shadow: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(String(20), default="new")
    error: Mapped[str] = mapped_column(Text, default="")
    error_code: Mapped[str] = mapped_column(String(80), default="")
    error_since: Mapped[datetime | None]
    error_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    message_at: Mapped[datetime | None]
    cursor: Mapped[str] = mapped_column(Text, default="")
    poll_due_at: Mapped[datetime | None] = mapped_column(index=True)
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Pace(Base):
    """What is left of a site's call budget, shared by every process."""

    __tablename__ = "pace"

    site: Mapped[str] = mapped_column(String(255), primary_key=True)
    bucket: Mapped[str] = mapped_column(String(40), primary_key=True)
    calls: Mapped[list[Any]]
    blocked_until: Mapped[datetime | None]
    limit: Mapped[int | None]
    remaining: Mapped[int | None]
    reset_at: Mapped[datetime | None]
    noted_at: Mapped[datetime | None]


class Community(Base):
    """Where a team moderates. `summary` is the last triage in figures."""

    __tablename__ = "community"
    __table_args__ = (UniqueConstraint("connection_id", "remote_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    remote_id: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(300), default="")
    restricted: Mapped[bool] = mapped_column(default=False)
    budget: Mapped[float] = mapped_column(default=0.1)
    window_days: Mapped[int] = mapped_column(default=28)
    newest_at: Mapped[datetime | None]
    triage_due_at: Mapped[datetime | None] = mapped_column(index=True)
    triaged_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Author(Base):
    """A remote account."""

    __tablename__ = "author"
    __table_args__ = (UniqueConstraint("connection_id", "remote_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    remote_id: Mapped[str] = mapped_column(String(300))
    handle: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(300), default="")
    role: Mapped[str] = mapped_column(String(20), default="customer")
    trust: Mapped[int | None]
    bot: Mapped[bool] = mapped_column(default=False)
    url: Mapped[str] = mapped_column(String(500), default="")
    first_seen_at: Mapped[datetime]


class Thread(Base):
    """A topic or status thread. `facts` is what triage needs of its messages (see moderation.triage).

    `tags` are as `plugins.tags` tidies them; None: the platform did not say.
    """

    __tablename__ = "thread"
    __table_args__ = (
        UniqueConstraint("connection_id", "remote_id"),
        Index("ix_thread_active", "community_id", "last_message_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    remote_id: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(String(500), default="")
    url: Mapped[str] = mapped_column(String(500), default="")
    closed: Mapped[bool] = mapped_column(default=False)
    accepted_answer: Mapped[str] = mapped_column(String(300), default="")
    total_replies: Mapped[int | None]
    tags: Mapped[list[Any] | None]
    messages: Mapped[int] = mapped_column(default=0)
    first_message_at: Mapped[datetime | None]
    last_message_at: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    @property
    def place(self) -> Place:
        """Where it is, as grants cover it."""
        return Place(self.connection_id, self.community_id, frozenset(self.tags or ()))


class Message(Base):
    """One post at its newest known state. The figures are those of its newest revision's score."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("connection_id", "remote_id"),
        Index("ix_message_thread", "thread_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    remote_id: Mapped[str] = mapped_column(String(300))
    in_reply_to: Mapped[str | None] = mapped_column(String(300))
    version: Mapped[float] = mapped_column(Float, default=0.0)
    text: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(String(500), default="")
    language: Mapped[str] = mapped_column(String(20), default="")
    content_warning: Mapped[str] = mapped_column(Text, default="")
    visibility: Mapped[str] = mapped_column(String(20), default="public")
    likes: Mapped[int] = mapped_column(default=0)
    shares: Mapped[int] = mapped_column(default=0)
    addressed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    toxicity: Mapped[float] = mapped_column(default=0.0)
    urgency: Mapped[float] = mapped_column(default=0.0)
    sentiment: Mapped[float] = mapped_column(default=0.0)
    rules: Mapped[str] = mapped_column(String(80), default="")
    intents: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Revision(Base):
    """One state of a message's text."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("message_id", "version", "digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    version: Mapped[float] = mapped_column(Float)
    digest: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime]


class ScoreRow(Base):
    """A score of one revision by one scorer version."""

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("revision_id", "scorer"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    scorer: Mapped[str] = mapped_column(String(80))
    toxicity: Mapped[float]
    urgency: Mapped[float]
    sentiment: Mapped[float]
    language: Mapped[str] = mapped_column(String(20))
    rules: Mapped[str] = mapped_column(String(80), default="")
    reasons: Mapped[list[Any]]
    classes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    intents: Mapped[dict[str, Any]] = mapped_column(default=dict)
    scored_at: Mapped[datetime]


class Tombstone(Base):
    """A message that is gone upstream: what comes late about it stays out."""

    __tablename__ = "tombstone"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    remote_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    at: Mapped[datetime]


class DeliveryRow(Base):
    """A raw verified payload as received, and the work of reading it."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("connection_id", "key", "digest"),
        Index("ix_delivery_due", "state", "due_at"),
        Index("ix_delivery_subject", "connection_id", "subject"),
        Index("ix_delivery_received", "received_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    source: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(400))
    kind: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    subject: Mapped[str | None] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(10), default="pending")
    attempt: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    error: Mapped[str] = mapped_column(Text, default="")
    received_at: Mapped[datetime]


class Case(Base):
    """One thread under review. `lane`: needs (within the budget), always (by rule), left, outside (of the window)."""

    __tablename__ = "case"
    __table_args__ = (
        Index("ix_case_open", "open", "priority", "id"),
        Index("ix_case_community_open", "community_id", "open", "priority", "id"),
        Index("ix_case_queue", "lane", "open", "priority", "id"),
        Index("ix_case_community_queue", "community_id", "lane", "open", "priority", "id"),
        Index("ix_case_look", "look_again_at"),
        Index("ix_case_state", "state", "person_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), unique=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    state: Mapped[str] = mapped_column(String(12), default="left")
    open: Mapped[bool] = mapped_column(default=True)
    lane: Mapped[str] = mapped_column(String(10), default="left")
    priority: Mapped[float] = mapped_column(default=0.0)
    toxicity: Mapped[float] = mapped_column(default=0.0)
    urgency: Mapped[float] = mapped_column(default=0.0)
    rules: Mapped[str] = mapped_column(String(80), default="")
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    marked_message_id: Mapped[int | None]
    waiting_since: Mapped[datetime | None]
    surfaced_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    stood: Mapped[float] = mapped_column(default=0.0)
    look_again_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    claimed_until: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(String(20), default="")
    version: Mapped[int] = mapped_column(default=1)


class DecisionRow(Base):
    """What somebody said of a thread, with what was known of it then: the line learns from these.

    `as_of` is the line's time (an archive's clock stands still), `lane` where the case stood, `priority` what the
    shipped weights gave. `person_id` is None when the brand answered on the platform itself.
    """

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_community", "community_id", "at"),
        Index("ix_decision_case", "case_id", "at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    as_of: Mapped[datetime]
    verb: Mapped[str] = mapped_column(String(12))
    needs: Mapped[bool]
    lane: Mapped[str] = mapped_column(String(10))
    facts: Mapped[dict[str, Any]]
    priority: Mapped[float]
    probe: Mapped[bool] = mapped_column(default=False)


class TuningRow(Base):
    """A trial of what a community's decisions taught. State: active replaced refused reverted (see usecases.learning).

    The areas under the ROC curve are None where too few decisions could be judged.
    """

    __tablename__ = "tuning"
    __table_args__ = (Index("ix_tuning_community", "community_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    decisions: Mapped[int]
    judged: Mapped[int]
    prior_auc: Mapped[float | None]
    tuned_auc: Mapped[float | None]
    weights: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(20), default="")


class ProbeRow(Base):
    """A thread from below the line that was put into the queue, unmarked, to learn what is missed."""

    __tablename__ = "probe"
    __table_args__ = (Index("ix_probe_community", "community_id", "drawn_at"), Index("ix_probe_thread", "thread_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"))
    drawn_at: Mapped[datetime]
    judged_at: Mapped[datetime | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    needs: Mapped[bool | None]


#: The few messages that rules matched, for counting them over a window.
Index(
    "ix_message_ruled",
    Message.created_at,
    sqlite_where=Message.rules != "",
    postgresql_where=Message.rules != "",
)


class Action(Base):
    """A remote effect to carry out: approved sending done failed unknown cancelled."""

    __tablename__ = "action"
    __table_args__ = (
        Index("ix_action_due", "state", "due_at"),
        Index("ix_action_reply", "reply_id"),
        Index("ix_action_target", "connection_id", "target"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text, default="")
    options: Mapped[dict[str, Any] | None]
    reply_id: Mapped[int | None] = mapped_column(ForeignKey("reply.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("brand_account.id"))
    state: Mapped[str] = mapped_column(String(12), default="approved")
    due_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class Outbox(Base):
    """One try at an action, written before the call: what a crash cannot hide."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("action_id", "attempt"), UniqueConstraint("connection_id", "remote_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    attempt: Mapped[int]
    idempotency_key: Mapped[str] = mapped_column(String(64))
    sending_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(12), default="sending")
    remote_id: Mapped[str | None] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Append-only, chained: who, what, subject, digests before and after, reason. Holds pseudonyms only."""

    __tablename__ = "audit_entry"

    seq: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(60))
    actor: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(200))
    before: Mapped[str] = mapped_column(String(64), default="")
    after: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    mac: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The signed end of the chain, and its sealed key: a chain alone cannot show that its tail was cut."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int]
    mac: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(64))
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)


class PerspectiveKey(Base):
    """A client of the Perspective API; only its key's digest is kept. `used` counts its calls on `used_on` (UTC)."""

    __tablename__ = "perspective_key"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    key_digest: Mapped[str] = mapped_column(String(64), unique=True)
    per_second: Mapped[int | None]
    per_day: Mapped[int | None]
    used: Mapped[int] = mapped_column(default=0)
    used_on: Mapped[str] = mapped_column(String(10), default="")
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class PerspectiveMap(Base):
    """A curve from our scores onto Perspective's, for one scorer version: the newest that is not retired holds."""

    __tablename__ = "perspective_map"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    attribute: Mapped[str] = mapped_column(String(40))
    scorer: Mapped[str] = mapped_column(String(80))
    points: Mapped[list[Any]]
    texts: Mapped[int]
    installed_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
