"""Reports by programs: read without names, decided in the desk only, never of a place that is not seen."""

from __future__ import annotations

from api_support import Desk, assert_problem, report
from sqlalchemy import select

from service.db.models import Action, Person
from service.db.report_tables import ReportDecision, ReportRow


def test_what_is_restricted_is_neither_read_nor_decided(desk: Desk) -> None:
    desk.fill()
    seen, hidden = report(desk, "1:1", restricted=False), report(desk, "2:1", restricted=True)
    token = desk.token("reports:read", "reports:decide", name="a")
    found = desk.call(token, "GET", "/reports").get_json()
    assert [one["id"] for one in found["items"]] == [seen]
    assert "reporter" not in found["items"][0]["complaints"][0]
    assert_problem(desk.call(token, "POST", f"/reports/{hidden}/decision", json={"verdict": "dismissed"}), 404)
    wide = desk.token("reports:read", "restricted:read", name="b")
    assert desk.call(wide, "GET", "/reports").get_json()["total"] == 2


def test_a_program_decides_in_the_desk_and_nothing_leaves(desk: Desk) -> None:
    desk.fill()
    number = report(desk, "1:1", restricted=False)
    token = desk.token("reports:decide")
    path = f"/reports/{number}/decision"
    assert_problem(desk.call(token, "POST", path, json={"verdict": "upheld"}), 422)
    answer = desk.call(token, "POST", path, json={"verdict": "upheld", "reason": "Known spam."})
    assert answer.status_code == 200, answer.text
    with desk.deps.store.read() as session:
        decision = session.get_one(ReportDecision, answer.get_json()["id"])
        assert session.get_one(Person, decision.person_id).role == "program"
        assert session.get_one(ReportRow, number).outcome == "upheld"
        assert not session.scalars(select(Action).where(Action.kind == "resolve_report")).all()
    assert_problem(desk.call(token, "POST", path, json={"verdict": "dismissed"}), 404)


def test_a_program_decides_nothing_about_staff(desk: Desk) -> None:
    desk.fill()
    number = report(desk, "1:1", restricted=False, role="staff")
    answer = desk.call(
        desk.token("reports:decide"), "POST", f"/reports/{number}/decision", json={"verdict": "dismissed"}
    )
    assert_problem(answer, 403)
