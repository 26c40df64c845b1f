"""A forum whose members report posts, and a desk that reads what they report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from moderation.model import AuthorSeen, ReportSeen
from service.db import reports
from service.db.models import Action, AuditEntry, Case, Message
from service.db.report_tables import ReportDecision, ReportRow
from service.sandbox import review
from service.usecases import intake, polling, report_deciding
from service.usecases.people import Known, create_person
from service.usecases.report_deciding import Ruling
from tests.service.grants_support import PASSWORD, Trust, known, trusted

INSULT, MINE, STAFF, FRENCH = "Only idiots", "Useless, as always", "We send you a new one", "La mienne aussi"


@dataclass
class Flags:
    """Whoever decides, and what they decide about."""

    trust: Trust

    def flag(self, words: str, by: str = "ines", kind: int = 4) -> int:
        """Somebody flags the post that begins so, and it is kept at once; returns the report's number here."""
        trust = self.trust
        with trust.desk.box.world.lock:
            forum = trust.desk.box.world.forum
            post = next(p for p in forum.posts.values() if p.raw.startswith(words))
            user = forum.user(by)
            entry = review.flag(forum, post, user, kind, "")
            remote_id = f"{entry.id}:{entry.flags[-1].id}"
        who = AuthorSeen(str(user.id), by, by.capitalize())
        seen = ReportSeen(remote_id, trust.deps.now(), message_id=str(post.id), reporter=who)
        with trust.deps.store.write() as session:
            reports.keep(session, trust.desk.connection_id, [seen], trust.deps.now())
            reports.link(session, trust.desk.connection_id, [])
            return session.scalars(select(ReportRow.id).where(ReportRow.remote_id == remote_id)).one()

    def read(self) -> None:
        """As the desk does by itself, until what is new and what waits was asked for."""
        self.trust.desk.clock.pass_(minutes=15)
        for _ in range(3):
            polling.poll_connection(self.trust.deps, self.trust.desk.connection_id)
            while intake.process_deliveries(self.trust.deps):
                pass

    def decide(self, report_id: int, ruling: Ruling, by: Known | None = None) -> ReportDecision:
        number = report_deciding.decide(self.trust.deps, report_id, ruling, by or self.trust.manager)
        with self.trust.deps.store.read() as session:
            return session.get_one(ReportDecision, number)

    def row(self, report_id: int) -> ReportRow:
        with self.trust.deps.store.read() as session:
            return session.get_one(ReportRow, report_id)

    def actions(self, kind: str = "resolve_report") -> list[Action]:
        with self.trust.deps.store.read() as session:
            return list(session.scalars(select(Action).where(Action.kind == kind).order_by(Action.id)))

    def audit(self) -> list[str]:
        with self.trust.deps.store.read() as session:
            return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))

    def status(self, report_id: int) -> int:
        """How the entry stands on the forum: 0 waits, 1 agreed, 2 disagreed."""
        entry_id = int(self.row(report_id).remote_id.partition(":")[0])
        with self.trust.desk.box.world.lock:
            return int(self.trust.desk.box.world.forum.reviewables[entry_id].status)

    def set_status(self, report_id: int, status: int) -> None:
        """As if somebody had decided it on the forum, or opened it again."""
        entry_id = int(self.row(report_id).remote_id.partition(":")[0])
        with self.trust.desk.box.world.lock:
            entry = self.trust.desk.box.world.forum.reviewables[entry_id]
            entry.status, entry.version = status, entry.version + 1

    def cases(self) -> list[tuple[str, str]]:
        with self.trust.deps.store.read() as session:
            return [(c.state, c.lane) for c in session.scalars(select(Case).order_by(Case.id))]

    def person(self, name: str, role: str) -> Known:
        create_person(self.trust.deps, name, role, PASSWORD)
        return known(self.trust.deps, name)

    def message(self, words: str) -> Message:
        with self.trust.deps.store.read() as session:
            return session.scalars(select(Message).where(Message.text.startswith(words))).one()


@contextmanager
def reported(folder: Path, platform: str = "discourse") -> Iterator[Flags]:
    with trusted(folder, platform) as trust:
        yield Flags(trust)
