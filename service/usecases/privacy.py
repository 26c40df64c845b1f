"""What is kept about one author, in one document: asked for by whom it is about, given by a person of the desk.

The document is an object with the sections of `SECTIONS` in their order, each a list of objects whose fields are
called as the columns of their tables; times are ISO 8601 with their zone. It is read row by row, whatever its length.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Select, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Subject, authorize
from service.db.audit import Entry, append
from service.db.grant_tables import Drift, GrantRow, ModerationAct, PlatformRight
from service.db.models import Action, Author, Community, Connection, DeliveryRow, Message, Revision, ScoreRow, Thread
from service.db.redress_tables import Appeal, Notice, Statement
from service.db.reply_tables import Reply
from service.db.report_tables import ReportRow
from service.db.thanks_tables import Badge, Listing
from service.db.traces import is_erased
from service.db.trust_tables import DeedRow, PraiseRow, StandingRow, TrustMark
from service.db.unread import Closed, closed_among, open_again, shut
from service.deps import Deps
from service.usecases.people import Known
from service.usecases.proofs import identities_of

FORMAT = "tenth-author-1"
#: Rows held at a time.
_BLOCK = 200
#: Who else had to do with it: their numbers and names are theirs.
_OTHERS = frozenset({"person_id", "second_id", "writer_id", "approver_id", "proposer_id", "marked_by", "known_by"})
#: Who complained is not told to whom they complained of.
_COMPLAINT = frozenset({"reporter_id", "text", "name", "address", "code"})

Rows = Iterator[dict[str, Any]]


def find_author(deps: Deps, named: str, connection: str = "") -> int:
    """The author of a handle, or of a number where nobody has that handle. Raises BadInput."""
    wanted = named.strip().lstrip("@")
    query = select(Author.id, Connection.name).join(Connection, Connection.id == Author.connection_id)
    if connection:
        query = query.where(Connection.name == connection)
    with deps.store.read() as session:
        found = session.execute(query.where(Author.handle.in_((wanted, f"@{wanted}"))).order_by(Author.id)).all()
        if not found and wanted.isdigit() and len(wanted) < 19:
            found = session.execute(query.where(Author.id == int(wanted))).all()
    if not found:
        raise BadInput("Nobody of that name has written there. Take the handle as the platform shows it.")
    if len(found) > 1:
        where = ", ".join(f"{row.name} ({row.id})" for row in found)
        raise BadInput(f"Several authors have that handle: {where}. Name the connection, or take the number.")
    number: int = found[0].id
    return number


def may_handle(by: Known, author_id: int, now: datetime) -> None:
    """Raises NotAllowed for people who may not give out or take away what is kept about somebody."""
    authorize(by.asking, Capability.MANAGE, Subject(f"author:{author_id}"), now)


def export(deps: Deps, author_id: int, by: Known) -> Iterator[tuple[str, Rows]]:
    """The sections of the document, each with its rows; written in the audit log. Raises BadInput, NotAllowed."""
    now = deps.now()
    may_handle(by, author_id, now)
    with deps.store.write() as session:
        if session.get(Author, author_id) is None:
            raise BadInput("There is no such author.")
        append(session, deps.vault, Entry("privacy:export", by.actor, f"author:{author_id}"), now)
    return ((name, _read(deps, section, author_id)) for name, section in SECTIONS.items())


def opt_out(deps: Deps, author_id: int, by: Known) -> None:
    """Has an author not read from now on; what was kept of their words goes with `erasing.forget_words`."""
    _set_read(deps, author_id, by, "privacy:opt_out")


def opt_in(deps: Deps, author_id: int, by: Known) -> None:
    """Has an author read again who opted out. What was emptied meanwhile stays so."""
    _set_read(deps, author_id, by, "privacy:opt_in")


def _set_read(deps: Deps, author_id: int, by: Known, kind: str) -> None:
    now = deps.now()
    may_handle(by, author_id, now)
    with deps.store.write() as session:
        author = session.get(Author, author_id)
        if author is None:
            raise BadInput("There is no such author.")
        if is_erased(author):
            raise BadInput("This author was erased: nobody here can tell any more which account that was.")
        append(session, deps.vault, Entry(kind, by.actor, f"author:{author_id}"), now)
        if kind == "privacy:opt_out":
            shut(session, deps.vault, author.connection_id, author.remote_id, Closed("opted_out", now))
        else:
            open_again(session, deps.vault, author.connection_id, author.remote_id)


# ------------------------------------------------------------------ sections


def plain(row: Any) -> dict[str, Any]:
    """A row's fields as JSON takes them, without what is raw and without other people."""
    told = (c.key for c in row.__table__.columns if c.key not in _OTHERS and not isinstance(c.type, LargeBinary))
    return {name: _value(getattr(row, name)) for name in told}


def _value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(deps: Deps, section: Callable[[Deps, Session, int], Rows], author_id: int) -> Rows:
    with deps.store.read() as session:
        yield from section(deps, session, author_id)


def _of(query: Callable[[int], Select[Any]], but: Collection[str] = ()) -> Callable[[Deps, Session, int], Rows]:
    """A section that is the rows of one table, without some of their fields."""

    def rows(_deps: Deps, session: Session, author_id: int) -> Rows:
        for row in session.scalars(query(author_id).execution_options(yield_per=_BLOCK)):
            yield {name: value for name, value in plain(row).items() if name not in but}
            session.expunge(row)

    return rows


def _author(deps: Deps, session: Session, author_id: int) -> Rows:
    author = session.get_one(Author, author_id)
    connection = session.get_one(Connection, author.connection_id)
    closed = closed_among(session, deps.vault, author.connection_id, [author.remote_id]).get(author.remote_id)
    read = {"read": closed is None, "not_read_because": closed.why if closed else ""}
    yield plain(author) | {"connection": connection.name, "platform": connection.connector} | read


def _messages(_deps: Deps, session: Session, author_id: int) -> Rows:
    query = (
        select(Message, Thread.title, Thread.url, Community.name)
        .join(Thread, Thread.id == Message.thread_id)
        .join(Community, Community.id == Thread.community_id)
        .where(Message.author_id == author_id)
        .order_by(Message.id)
    )
    after = 0
    while found := session.execute(query.where(Message.id > after).limit(_BLOCK)).all():
        revisions = _revisions(session, [message.id for message, *_ in found])
        for message, title, url, community in found:
            place = {"thread_title": title, "thread_url": url, "community": community}
            yield plain(message) | place | {"revisions": revisions.get(message.id, [])}
        after = found[-1][0].id
        session.expunge_all()


def _revisions(session: Session, message_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    query = select(Revision).where(Revision.message_id.in_(list(message_ids))).order_by(Revision.id)
    revisions = session.scalars(query).all()
    scores: dict[int, list[dict[str, Any]]] = {}
    for score in session.scalars(select(ScoreRow).where(ScoreRow.revision_id.in_([r.id for r in revisions]))):
        scores.setdefault(score.revision_id, []).append(plain(score))
    found: dict[int, list[dict[str, Any]]] = {}
    for revision in revisions:
        found.setdefault(revision.message_id, []).append(plain(revision) | {"scores": scores.get(revision.id, [])})
    return found


def _acts(_deps: Deps, session: Session, author_id: int) -> Rows:
    query = select(ModerationAct, Action).join(Action, Action.id == ModerationAct.action_id)
    for act, action in session.execute(query.where(ModerationAct.author_id == author_id).order_by(Action.id)):
        yield plain(act) | {"kind": action.kind, "target": action.target, "state": action.state}


def _deliveries(_deps: Deps, session: Session, author_id: int) -> Rows:
    """What the platform sent about their messages, as it came, as long as it is kept."""
    author = session.get_one(Author, author_id)
    query = (
        select(DeliveryRow)
        .join(
            Message,
            (Message.connection_id == DeliveryRow.connection_id) & (Message.remote_id == DeliveryRow.subject),
        )
        .where(Message.author_id == author_id, DeliveryRow.connection_id == author.connection_id)
        .order_by(DeliveryRow.id)
        .execution_options(yield_per=_BLOCK)
    )
    for row in session.scalars(query):
        yield plain(row) | {"raw": row.body.decode("utf-8", "replace")}
        session.expunge(row)


def _links(_deps: Deps, session: Session, author_id: int) -> Rows:
    for row in identities_of(session, author_id):
        yield plain(row)


def _drift(_deps: Deps, session: Session, author_id: int) -> Rows:
    author = session.get_one(Author, author_id)
    query = select(Drift).where(Drift.connection_id == author.connection_id, Drift.holder == author.remote_id)
    for row in session.scalars(query):
        yield plain(row)


def _theirs(author_id: int) -> Select[Any]:
    return select(Message.id).where(Message.author_id == author_id)


#: What is told about an author, in the order of the document.
SECTIONS: Mapping[str, Callable[[Deps, Session, int], Rows]] = {
    "author": _author,
    "messages": _messages,
    "answers": _of(
        lambda a: select(Reply).where(Reply.message_id.in_(_theirs(a)), Reply.sent_at.is_not(None)).order_by(Reply.id)
    ),
    "reports_by": _of(lambda a: select(ReportRow).where(ReportRow.reporter_id == a).order_by(ReportRow.id)),
    "reports_about": _of(
        lambda a: (
            select(ReportRow)
            .where((ReportRow.about_id == a) | ReportRow.message_id.in_(_theirs(a)))
            .order_by(ReportRow.id)
        ),
        _COMPLAINT,
    ),
    "acts": _acts,
    "statements": _of(lambda a: select(Statement).where(Statement.author_id == a).order_by(Statement.id)),
    "appeals": _of(
        lambda a: (
            select(Appeal)
            .join(Statement, Statement.id == Appeal.statement_id)
            .where(Statement.author_id == a)
            .order_by(Appeal.id)
        )
    ),
    "notices": _of(
        lambda a: select(Notice).where(Notice.message_id.in_(_theirs(a))).order_by(Notice.id),
        _COMPLAINT,
    ),
    "grants": _of(lambda a: select(GrantRow).where(GrantRow.author_id == a).order_by(GrantRow.id)),
    "rights": _of(lambda a: select(PlatformRight).where(PlatformRight.author_id == a).order_by(PlatformRight.id)),
    "rights_found": _drift,
    "standings": _of(lambda a: select(StandingRow).where(StandingRow.author_id == a).order_by(StandingRow.area)),
    "marks": _of(lambda a: select(TrustMark).where(TrustMark.author_id == a).order_by(TrustMark.id)),
    "deeds": _of(lambda a: select(DeedRow).where(DeedRow.author_id == a).order_by(DeedRow.thread_id)),
    "praise": _of(
        lambda a: (
            select(PraiseRow)
            .where((PraiseRow.author_id == a) | (PraiseRow.giver_id == a))
            .order_by(PraiseRow.thread_id)
        )
    ),
    "badges": _of(lambda a: select(Badge).where(Badge.author_id == a).order_by(Badge.id)),
    "listing": _of(lambda a: select(Listing).where(Listing.author_id == a)),
    "sign_ins": _links,
    "deliveries": _deliveries,
}
