"""A decision and the act it orders are one: a process that dies at any commit leaves both or neither, and never two."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.notices import Given
from moderation.reports import Verdict
from service.db.audit import verify
from service.db.models import Action, Message
from service.db.redress_tables import Notice
from service.db.report_tables import ReportDecision, ReportRow
from service.usecases import appealed, appeals, notices, report_deciding
from service.usecases.report_deciding import Ruling
from tests.service.redress_support import Bench, bench
from tests.support.village import Died

RULING = Ruling(Verdict.UPHELD, "Rule 2: no insults.", Capability.HIDE)
DECISION = notices.Decision(acted=True, reason="It calls people idiots.", kind=Capability.HIDE)


@pytest.fixture
def desk() -> Iterator[Bench]:
    with bench() as found:
        yield found


@pytest.fixture
def report_id(desk: Bench) -> int:
    """Zoe's message, reported by somebody."""
    with desk.deps.store.write() as session:
        message = session.get_one(Message, desk.message_id)
        row = ReportRow(
            connection_id=message.connection_id,
            remote_id="1:1",
            at=desk.clock.at,
            seen_at=desk.clock.at,
            reason="abuse",
            outcome="open",
            message_id=message.id,
            message_remote=message.remote_id,
            about_id=message.author_id,
            reporter_id=message.author_id,
        )
        session.add(row)
        session.flush()
        return row.id


def at_each_commit(monkeypatch: pytest.MonkeyPatch, step: Callable[[], object], holds: Callable[[], None]) -> int:
    """Does a step that dies at its first commit, then at its second, until it ends; returns how often it died."""
    commit, left = Session.commit, 0

    def dying(session: Session) -> None:
        nonlocal left
        if not left:
            raise Died
        left -= 1
        commit(session)

    for died in range(10):
        left = died
        with monkeypatch.context() as patched:
            patched.setattr(Session, "commit", dying)
            try:
                step()
            except Died:
                pass
            else:
                return died
        holds()
    raise AssertionError("it never ends")


def rows(desk: Bench, model: type, *where: object) -> list[object]:
    with desk.deps.store.read() as session:
        return list(session.scalars(select(model).where(*where)))  # type: ignore[arg-type]


def acts(desk: Bench) -> list[str]:
    """What is ordered, whether it left or not."""
    with desk.deps.store.read() as session:
        return list(session.scalars(select(Action.kind).where(Action.state != "cancelled").order_by(Action.id)))


def test_a_report_is_decided_with_its_act_or_not_at_all(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, report_id: int
) -> None:
    def neither() -> None:
        assert acts(desk) == []
        assert rows(desk, ReportDecision) == []
        assert is_open(desk, report_id)

    died = at_each_commit(
        monkeypatch, lambda: report_deciding.decide(desk.deps, report_id, RULING, desk.people["ana"]), neither
    )
    assert died == 1, "one transaction"
    assert acts(desk) == ["hide", "resolve_report", "notify"]
    with pytest.raises(BadInput, match="decided already"):
        report_deciding.decide(desk.deps, report_id, RULING, desk.people["ben"])
    desk.work()
    desk.work()
    assert [one.kind for _, _, one in desk.village.acts].count(Capability.HIDE) == 1
    with desk.deps.store.read() as session:
        assert not verify(session, desk.deps.vault)


def is_open(desk: Bench, report_id: int) -> bool:
    with desk.deps.store.read() as session:
        return session.get_one(ReportRow, report_id).outcome == "open"


def test_a_decision_is_taken_back_with_its_act_or_not_at_all(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, report_id: int
) -> None:
    number = report_deciding.decide(desk.deps, report_id, RULING, desk.people["ana"])

    def both() -> None:
        assert acts(desk) == ["hide", "resolve_report", "notify"]
        assert not is_open(desk, report_id)

    died = at_each_commit(monkeypatch, lambda: report_deciding.take_back(desk.deps, number, desk.people["ana"]), both)
    assert died == 1
    assert acts(desk) == []
    assert is_open(desk, report_id)


def test_a_notice_is_decided_with_its_act_or_not_at_all(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://forum.example/t/leak/12/3"
    given = Given(
        (url,), "KEYWORD_INCITEMENT_VIOLENCE_HATRED", "It calls people idiots.", "Ada", "ada@example.org", True
    )
    notices.receive(desk.deps, given)
    with desk.deps.store.write() as session:
        message, notice = session.get_one(Message, desk.message_id), session.scalars(select(Notice)).one()
        notice.message_id, notice.connection_id = message.id, message.connection_id
        number = notice.id

    def neither() -> None:
        assert acts(desk) == []
        assert notices.open_count(desk.deps) == 1

    died = at_each_commit(monkeypatch, lambda: notices.decide(desk.deps, number, DECISION, desk.people["ana"]), neither)
    assert died == 1
    assert (acts(desk), notices.open_count(desk.deps)) == (["hide"], 0)
    with pytest.raises(BadInput, match="waits"):
        notices.decide(desk.deps, number, DECISION, desk.people["ben"])


def test_an_appeal_is_decided_with_the_act_it_orders_or_not_at_all(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = appeals.contest(desk.deps, desk.done(), "I was quoting somebody.")
    before = acts(desk)

    def neither() -> None:
        assert acts(desk) == before
        assert appealed.open_appeals(desk.deps) == 1

    died = at_each_commit(
        monkeypatch,
        lambda: appeals.decide(desk.deps, number, desk.people["cleo"], "overturned", "It was a quotation."),
        neither,
    )
    assert died == 1
    assert acts(desk) == [*before, "restore", "notify"]
