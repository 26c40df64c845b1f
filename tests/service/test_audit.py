"""The audit chain against somebody who can write into the database, and under several writers at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, select, update

from service.db import audit
from service.db.audit import Entry, append, export_head, verify
from service.db.models import AuditEntry, AuditHead
from service.usecases.rotation import rotate
from service.vault import Vault, VaultError
from tests.support.office import SECRET, Office, office

NOW = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(secret_key=SECRET)
    yield desk
    desk.close()


@pytest.fixture
def filled(desk: Office) -> Office:
    write(desk, 6)
    return desk


def write(desk: Office, count: int, actor: str = "person:ab") -> None:
    for number in range(count):
        entry = Entry("case:decide", actor, f"case:{number}", "« été »", {"state": "open"}, {"state": "decided"})
        with desk.deps.store.write() as session:
            append(session, desk.deps.vault, entry, NOW)


def findings(desk: Office, exported: str = "") -> list[str]:
    with desk.deps.store.read() as session:
        return [f"{f.seq}: {f.problem}" for f in verify(session, desk.deps.vault, exported)]


def head(desk: Office) -> str:
    with desk.deps.store.read() as session:
        return export_head(session)


def tamper(desk: Office, *statements: object) -> None:
    with desk.deps.store.write() as session:
        for statement in statements:
            session.execute(statement)  # type: ignore[call-overload]


CHANGES = {
    "at": datetime(2026, 11, 22, 9, 0, 0, 123457, tzinfo=UTC),
    "kind": "case:leave",
    "actor": "person:cd",
    "subject": "case:9",
    "reason": "another reason",
    "before": "0" * 64,
    "after": "",
    "mac": "0" * 64,
}


@pytest.mark.parametrize("field", sorted(CHANGES))
@pytest.mark.parametrize("seq", [1, 3, 6])
def test_a_changed_field_shows(filled: Office, field: str, seq: int) -> None:
    tamper(filled, update(AuditEntry).where(AuditEntry.seq == seq).values({field: CHANGES[field]}))
    assert any(f.startswith(f"{seq}:") for f in findings(filled))


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_deleted_entry_shows(filled: Office, seq: int) -> None:
    tamper(filled, delete(AuditEntry).where(AuditEntry.seq == seq))
    assert any("missing" in f for f in findings(filled))


def test_a_deleted_entry_shows_even_when_those_after_it_move_up(filled: Office) -> None:
    tamper(
        filled,
        delete(AuditEntry).where(AuditEntry.seq == 3),
        update(AuditEntry).where(AuditEntry.seq == 4).values(seq=3),
        update(AuditEntry).where(AuditEntry.seq == 5).values(seq=4),
        update(AuditEntry).where(AuditEntry.seq == 6).values(seq=5),
        update(AuditHead).values(seq=5),
    )
    assert len(findings(filled)) > 1


def test_swapped_entries_show(filled: Office) -> None:
    tamper(
        filled,
        update(AuditEntry).where(AuditEntry.seq == 2).values(seq=99),
        update(AuditEntry).where(AuditEntry.seq == 3).values(seq=2),
        update(AuditEntry).where(AuditEntry.seq == 99).values(seq=3),
    )
    assert [f.split(":")[0] for f in findings(filled)][:2] == ["2", "3"]


def test_a_cut_tail_shows(filled: Office) -> None:
    tamper(filled, delete(AuditEntry).where(AuditEntry.seq > 4))
    found = findings(filled)
    assert len(found) == 1
    assert found[0].startswith("6: ")
    assert found[0].endswith("its tail was cut off")


def test_a_cut_tail_with_the_old_head_put_back_shows_only_against_the_exported_head(desk: Office) -> None:
    write(desk, 4)
    with desk.deps.store.read() as session:
        old = session.get_one(AuditHead, 1)
    write(desk, 2)
    exported = head(desk)
    values = {"seq": old.seq, "mac": old.mac, "signature": old.signature}
    tamper(desk, delete(AuditEntry).where(AuditEntry.seq > 4), update(AuditHead).values(values))
    assert findings(desk) == []
    assert findings(desk, exported) == [
        "6: the log does not hold the entry that the exported head names: its tail was cut off"
    ]


def test_a_head_made_up_for_a_cut_tail_shows(filled: Office) -> None:
    with filled.deps.store.read() as session:
        fourth = session.get_one(AuditEntry, 4).mac
    tamper(filled, delete(AuditEntry).where(AuditEntry.seq > 4), update(AuditHead).values(seq=4, mac=fourth))
    assert findings(filled) == ["0: the head's signature is wrong"]


def test_a_forged_entry_under_another_key_shows(filled: Office) -> None:
    with filled.deps.store.read() as session:
        fifth = session.get_one(AuditEntry, 5)
        row = session.get_one(AuditEntry, 6)
    row.reason = "I never said this"
    forged = audit._mac(b"a key of my own", fifth.mac, row)
    values = {"reason": row.reason, "mac": forged}
    tamper(filled, update(AuditEntry).where(AuditEntry.seq == 6).values(values))
    assert any(f.startswith("6: does not follow") for f in findings(filled))
    signature = audit._sign(b"a key of my own", 6, forged)
    tamper(filled, update(AuditHead).values(mac=forged, signature=signature))
    assert {f.split(":")[0] for f in findings(filled)} == {"0", "6"}


def test_an_entry_added_behind_the_head_shows(filled: Office) -> None:
    with filled.deps.store.read() as session:
        row = session.get_one(AuditEntry, 6)
    columns = {c.name: getattr(row, c.name) for c in AuditEntry.__table__.columns}
    tamper(filled, insert(AuditEntry).values(columns | {"seq": 7}))
    assert findings(filled) == ["7: stands after entry 6, which the head names as the last"]


def test_a_log_whose_head_is_gone_shows(filled: Office) -> None:
    tamper(filled, delete(AuditHead))
    assert findings(filled) == ["0: the head is missing, though entries exist or existed"]
    exported = head(filled)
    tamper(filled, delete(AuditEntry))
    assert (findings(filled), exported) == ([], "")
    assert findings(filled, "6:aa:bb") == ["0: the head is missing, though entries exist or existed"]


@pytest.mark.parametrize("words", ["nonsense", "6:aa:bb", "x:y:z", "6:aa"])
def test_an_exported_head_of_another_log_shows(filled: Office, words: str) -> None:
    assert findings(filled, words) == ["0: the exported head was not signed by this log"]


def test_another_secret_key_cannot_verify(filled: Office) -> None:
    other = Vault(["quite another secret key also of forty letters"])
    with filled.deps.store.read() as session, pytest.raises(VaultError, match="TENTH_SECRET_KEY"):
        verify(session, other)


def test_a_whole_log_is_clean_empty_or_filled_and_with_an_older_head(desk: Office) -> None:
    assert (findings(desk), head(desk)) == ([], "")
    write(desk, 3)
    earlier = head(desk)
    write(desk, 3)
    assert findings(desk, earlier + "\n") == []
    assert findings(desk, head(desk)) == []


def test_values_leave_only_keyed_digests(filled: Office) -> None:
    with filled.deps.store.read() as session:
        rows = session.scalars(select(AuditEntry)).all()
    assert all("decided" not in f"{r.before}{r.after}" and len(r.after) == 64 for r in rows)
    assert len({r.before for r in rows}) == 1


def test_an_entry_of_a_transaction_that_fails_is_not_there(filled: Office) -> None:
    with pytest.raises(RuntimeError), filled.deps.store.write() as session:
        append(session, filled.deps.vault, Entry("case:decide", "person:ab", "case:1"), NOW)
        raise RuntimeError
    assert findings(filled) == []
    assert head(filled).startswith("6:")


def test_four_writers_at_once_make_one_whole_chain(desk: Office) -> None:
    """From an empty log on: also the first entry is made by several at once."""
    failed: list[BaseException] = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        try:
            start.wait(60)
            write(desk, 25, f"person:{number}")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    problems: list[str] = []
    while any(t.is_alive() for t in threads):
        problems += findings(desk)
    for thread in threads:
        thread.join()
    assert (failed, problems) == ([], [])
    assert findings(desk) == []
    assert head(desk).startswith("100:")


def test_the_chain_is_whole_after_the_keys_were_rotated() -> None:
    newer = "a newer secret key for tests of forty letters long"
    old = office(secret_key=SECRET)
    write(old, 3)
    exported = head(old)
    old.close()
    both = office(secret_key=f"{newer},{SECRET}")
    rotate(both.deps, "test")
    both.close()
    only = office(secret_key=newer)
    assert findings(only, exported) == []
    assert head(only).startswith("4:")
    only.close()
