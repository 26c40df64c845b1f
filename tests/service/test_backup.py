"""Backup and restore: refused cases first, then the same desk again, between databases and under load."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from moderation.errors import BadInput
from service.db.base import Base
from service.db.models import AuditEntry, AuditHead, Connection, Message, Revision, ScoreRow
from service.usecases.backup import backup, restore, seal
from service.usecases.people import create_person
from service.usecases.queue import queue_page
from service.usecases.storage import migrate
from service.vault import VaultError
from tests.support.office import SECRET, Office, chatter, empty_office, fresh_database, line, office, take_in, until

OTHER = "another secret key for tests of forty letters"
Make = Callable[..., Office]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Make]:
    """Makes empty desks, each with an SQLite database of its own unless one is named."""
    made: list[Office] = []

    def build(**settings: Any) -> Office:
        folder = tmp_path / f"place{len(made)}"
        given = {"data_dir": folder, "database_url": f"sqlite:///{folder}/tenth.db", "secret_key": SECRET}
        made.append(empty_office(**(given | settings)))
        return made[-1]

    yield build
    for desk in made:
        desk.close()


@pytest.fixture
def source() -> Iterator[Office]:
    desk = office(secret_key=SECRET)
    desk.archive()
    desk.take_in(chatter(12))
    create_person(desk.deps, "ada", "owner")
    yield desk
    desk.close()


@pytest.fixture
def saved(source: Office, tmp_path: Path) -> Path:
    backup(source.app, tmp_path / "saved.zip")
    return tmp_path / "saved.zip"


def queue(desk: Office) -> str:
    """Everything that `tenth queue --json` says."""
    return json.dumps(queue_page(desk.deps, size=None).to_json())


def everything(desk: Office) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with desk.deps.store.read() as session:
        return {
            t.name: [dict(r) for r in session.execute(select(t).order_by(*t.primary_key.columns)).mappings()]
            for t in Base.metadata.sorted_tables
        }


def rewritten(saved: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of a backup whose members were changed."""
    with zipfile.ZipFile(saved) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    path = saved.with_name("changed.zip")
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
        new.comment = bytes(64)
    seal(path)
    return path


def manifest(members: dict[str, bytes], **values: Any) -> None:
    members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | values).encode()


def is_empty(desk: Office) -> bool:
    migrate(desk.app)
    return not any(desk.counts().values())


# ------------------------------------------------------------------ refused


def test_another_key_is_refused_with_what_to_do(saved: Path, place: Make) -> None:
    target = place(secret_key=OTHER)
    with pytest.raises(VaultError, match="Put the old key after the new one"):
        restore(target.app, saved)
    assert is_empty(target)


def test_a_desk_with_people_is_refused_and_untouched(source: Office, saved: Path) -> None:
    before = everything(source)
    with pytest.raises(BadInput, match="not empty"):
        restore(source.app, saved)
    assert everything(source) == before


def test_a_desk_with_nothing_but_a_connection_is_refused_and_untouched(saved: Path, place: Make) -> None:
    target = place()
    migrate(target.app)
    target.archive("mine")
    before = everything(target)
    with pytest.raises(BadInput, match="not empty"):
        restore(target.app, saved)
    assert everything(target) == before


def _drop_last_row(members: dict[str, bytes]) -> None:
    members["message.jsonl"] = b"".join(members["message.jsonl"].splitlines(keepends=True)[:-1])


def _half_a_row(members: dict[str, bytes]) -> None:
    members["thread.jsonl"] = members["thread.jsonl"][:-40]


def _orphan(members: dict[str, bytes]) -> None:
    members["thread.jsonl"] = b""
    counts = json.loads(members["manifest.json"])["counts"] | {"thread": 0}
    manifest(members, counts=counts)


def _other_column(members: dict[str, bytes]) -> None:
    members["thread.jsonl"] = members["thread.jsonl"].replace(b'"title"', b'"headline"')


SPOILT: dict[str, Callable[[dict[str, bytes]], None]] = {
    "a member is missing": lambda m: m.pop("score.jsonl") and None,
    "a row is missing": _drop_last_row,
    "a row is cut": _half_a_row,
    "rows lead nowhere": _orphan,
    "another column": _other_column,
    "no JSON": lambda m: m.update({"thread.jsonl": b"hello\n"}),
    "a time that is none": lambda m: m.update({"person.jsonl": m["person.jsonl"].replace(b"202", b"20x")}),
    "another format": lambda m: manifest(m, format=99),
    "a newer version": lambda m: manifest(m, schema="9999"),
    "no schema": lambda m: manifest(m, schema=None),
    "counts that are none": lambda m: manifest(m, counts=None),
    "a manifest that is a list": lambda m: m.update({"manifest.json": b"[]"}),
    "no manifest": lambda m: m.pop("manifest.json") and None,
}


@pytest.mark.parametrize("what", sorted(SPOILT))
def test_a_spoilt_backup_is_refused_and_leaves_nothing(saved: Path, place: Make, what: str) -> None:
    target = place()
    with pytest.raises(BadInput):
        restore(target.app, rewritten(saved, SPOILT[what]))
    assert is_empty(target)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_backup_is_refused_and_leaves_nothing(saved: Path, place: Make, share: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    target = place()
    with pytest.raises(BadInput, match="backup"):
        restore(target.app, saved)
    assert is_empty(target)


def test_one_flipped_byte_anywhere_is_refused_and_leaves_nothing(saved: Path, place: Make) -> None:
    whole = saved.read_bytes()
    for part in range(1, 8):
        at = len(whole) * part // 9
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        target = place()
        with pytest.raises(BadInput):
            restore(target.app, saved)
        assert is_empty(target)


def test_a_file_that_is_not_there_or_is_a_folder_is_named(place: Make, tmp_path: Path) -> None:
    target = place()
    for path in (tmp_path / "nowhere.zip", tmp_path):
        with pytest.raises(BadInput, match=str(path)):
            restore(target.app, path)


def test_a_backup_that_cannot_be_written_says_so_and_keeps_the_one_there_was(source: Office, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        backup(source.app, tmp_path / "no such folder" / "saved.zip")
    kept = tmp_path / "saved.zip"
    kept.write_bytes(b"the one there was")
    source.deps.store.engine.dispose()
    with source.deps.store.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE score RENAME TO was_score")
        connection.commit()
    with pytest.raises(Exception, match="score"):
        backup(source.app, kept)
    assert kept.read_bytes() == b"the one there was"
    assert [p.name for p in tmp_path.glob("saved*")] == ["saved.zip"]


# ------------------------------------------------------------------ the same desk again


def test_what_comes_back_is_what_was_there(source: Office, saved: Path, place: Make) -> None:
    target = place()
    assert restore(target.app, saved) == source.counts()
    assert everything(target) == everything(source)
    assert queue(target) == queue(source)
    assert len(json.loads(queue(target))["items"]) > 1


def test_work_goes_on_after_a_restore(source: Office, saved: Path, place: Make) -> None:
    """Ids are counted on from those that came back, and nothing is taken in twice."""
    target = place()
    restore(target.app, saved)
    assert target.take_in(chatter(12)).new == 0
    assert target.take_in([line(9_001, 77, "Is anybody there?")]).new == 1
    create_person(target.deps, "grace", "manager")
    assert len(target.rows(AuditEntry)) == len(source.rows(AuditEntry)) + 1


def test_the_file_is_for_its_owner_only_and_holds_no_secret_in_the_clear(source: Office, saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(saved) as members:
        text = b"".join(members.read(n) for n in members.namelist())
    assert SECRET.encode() not in text
    assert not list(saved.parent.glob("*.part"))


def test_from_sqlite_to_postgresql_and_back(saved: Path, place: Make, postgres_server: str, tmp_path: Path) -> None:
    first = place()
    restore(first.app, saved)
    with fresh_database(postgres_server) as url:
        middle = place(database_url=url)
        restore(middle.app, saved)
        assert everything(middle) == everything(first)
        assert queue(middle) == queue(first)
        backup(middle.app, tmp_path / "back.zip")
        assert middle.take_in([line(9_001, 77, "Is anybody there?")]).new == 1
        create_person(middle.deps, "grace", "manager")
        last = place()
        restore(last.app, tmp_path / "back.zip")
        assert everything(last) == everything(first)
        assert queue(last) == queue(first)
        middle.close()


# ------------------------------------------------------------------ under load


def whole(desk: Office) -> None:
    """No row points nowhere, every message has its revision and score, the audit log ends where its head says."""
    with desk.deps.store.read() as session:
        for table in Base.metadata.sorted_tables:
            for key in table.foreign_keys:
                lost = select(func.count()).select_from(table.outerjoin(key.column.table, key.parent == key.column))
                assert session.scalar(lost.where(key.parent.isnot(None), key.column.is_(None))) == 0, key
        messages = session.scalar(select(func.count()).select_from(Message))
        revisions = session.scalar(select(func.count(func.distinct(Revision.message_id))))
        assert messages == revisions == session.scalar(select(func.count(func.distinct(ScoreRow.revision_id))))
        head = session.get_one(AuditHead, 1)
        assert session.scalar(select(func.max(AuditEntry.seq))) == head.seq


def test_a_backup_under_load_is_of_one_moment(source: Office, place: Make, tmp_path: Path) -> None:
    stop, failed = threading.Event(), []

    def keep_importing() -> None:
        try:
            first = 100
            while not stop.is_set():
                take_in(source.deps, chatter(5, first=first))
                create_person(source.deps, f"p{first}", "responder", "a password long enough")
                first += 5
        except BaseException as error:
            failed.append(error)

    writer = threading.Thread(target=keep_importing)
    writer.start()
    files = [tmp_path / f"load{n}.zip" for n in range(4)]
    counts = []
    try:
        for path in files:
            before = len(source.rows(Message))
            until(lambda seen=before: len(source.rows(Message)) > seen)
            counts.append(backup(source.app, path))
            assert before < counts[-1]["message"] <= len(source.rows(Message))
    finally:
        stop.set()
        writer.join()
    assert not failed
    assert counts[-1]["message"] > counts[0]["message"] > 36
    for path, expected in zip(files, counts, strict=True):
        target = place()
        assert restore(target.app, path) == expected == target.counts()
        whole(target)
        assert json.loads(queue(target))["items"]
        assert target.rows(Connection)[0].name == "old-forum"
