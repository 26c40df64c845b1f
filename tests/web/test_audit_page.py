"""The page of the audit log: who may read it, filters by forms, files, the chain."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import update

from service.db.audit import Entry, append
from service.db.models import AuditEntry, Person
from service.deps import Deps
from service.usecases.people import pseudonym
from tests.web.desk import Seeder, post


def write(deps: Deps, *entries: Entry) -> None:
    with deps.store.write() as session:
        for entry in entries:
            append(session, deps.vault, entry, deps.now())


def test_only_managers_read_take_and_check_it(as_role: Callable[[str], FlaskClient]) -> None:
    for role in ("responder", "analyst"):
        client = as_role(role)
        assert client.get("/audit").status_code == 403
        for address in ("/audit/export", "/audit/verify"):
            assert post(client, address, format="csv").status_code == 403


def test_it_is_filtered_by_name_and_shows_what_was_typed_as_text(
    deps: Deps, seed: Seeder, as_role: Callable[[str], FlaskClient]
) -> None:
    with deps.store.read() as session:
        actor = pseudonym(session.query(Person).filter_by(username="responder").one())
    seed.community(seed.connection(), "Help")
    write(
        deps,
        Entry("case:decide", actor, "case:7", "<script>alert(1)</script>"),
        Entry("grant:offer", "cli", "grant:3", "answers well"),
    )
    manager = as_role("manager")
    page = manager.get("/audit?who=responder").text
    assert "case:decide" in page
    assert "<code>grant:offer</code>" not in page
    assert "<script>alert" not in page
    assert actor not in page, "a name stands in its place"
    assert "<code>grant:offer</code>" in manager.get("/audit?what=grant&text=WELL").text
    assert "Nothing was found." in manager.get("/audit?since=2031-01-01&community=1").text
    for bad in ("since=tomorrow", "community=x&until=2026-13-01"):
        assert manager.get(f"/audit?{bad}").status_code == 400


def test_files_hold_what_was_filtered_and_pseudonyms(deps: Deps, as_role: Callable[[str], FlaskClient]) -> None:
    write(deps, Entry("grant:offer", "cli", "grant:3", '=HYPERLINK("https://evil.example")'))
    manager = as_role("manager")
    answer = post(manager, "/audit/export", format="csv", what="grant")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tenth-audit.csv"'
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["kind"] for row in rows] == ["grant:offer", "head"]
    assert rows[0]["reason"].startswith("'=HYPERLINK")
    whole = json.loads(post(manager, "/audit/export", format="json").text)
    assert whole["entries"][-1]["kind"] == "audit:export"
    assert "manager" not in {entry["actor"] for entry in whole["entries"]}
    assert post(manager, "/audit/export", format="xlsx").status_code == 400


def test_the_chain_is_checked_and_a_change_shows(deps: Deps, as_role: Callable[[str], FlaskClient]) -> None:
    write(deps, Entry("grant:offer", "cli", "grant:3", "well"))
    manager = as_role("manager")
    post(manager, "/audit/verify")
    assert "The chain is whole" in manager.get("/audit").text
    with deps.store.write() as session:
        session.execute(update(AuditEntry).where(AuditEntry.kind == "grant:offer").values(reason="ill"))
    post(manager, "/audit/verify")
    assert "the log was changed here" in manager.get("/audit").text
