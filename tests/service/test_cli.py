"""The real `tenth` in an empty folder, with no settings: what a newcomer types."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from service.cli import cli, main
from tests.support.office import chatter, free_port, jsonl, line, tenth

BAD = (b"this is no JSON\n", b'{"thread": "1"}\n')


@dataclass
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def ask(home: Path, *arguments: str, stdin: bytes = b"", **settings: str) -> Answer:
    done: subprocess.CompletedProcess[bytes] = tenth(*arguments, cwd=home, stdin=stdin, **settings)
    answer = Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in answer.err + answer.out, answer.err
    return answer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an archive is connected and a file, partly bad, was imported."""
    folder = tmp_path_factory.mktemp("home")
    made = ask(folder, "connect", "archive", "--name", "old-forum")
    assert (made.code, made.err) == (0, "")
    assert "Connected “old-forum”" in made.out
    assert "in shadow mode" in made.out
    good = jsonl(chatter(20)).splitlines(keepends=True)
    (folder / "posts.jsonl").write_bytes(b"".join([BAD[0], *good[:30], BAD[1], *good[30:]]))
    first = ask(folder, "import", "posts.jsonl", "--connection", "old-forum", "--json")
    assert first.code == 0
    assert first.json == {"lines": 62, "new": 60, "bad": 2, "failed": 0, "messages": 60, "threads": 20}
    problems = first.err.splitlines()
    assert [p.split(":")[0] for p in problems] == ["line 1", "line 32"]
    assert all(len(p) > 20 for p in problems)
    assert sorted(p.name for p in folder.iterdir()) == ["posts.jsonl", "var"]
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The same entry point without a process of its own, for what need not prove that it starts."""
    monkeypatch.setattr("service.cli.configure", lambda: None)

    def ask_here(home: Path, *arguments: str, **settings: str) -> Answer:
        with monkeypatch.context() as during:
            during.delenv("TENTH_DATA_DIR", raising=False)
            during.delenv("TENTH_DATABASE_URL", raising=False)
            for name, value in settings.items():
                during.setenv(name, value)
            during.chdir(home)
            during.setattr("sys.argv", ["tenth", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return ask_here


# ------------------------------------------------------------------ refused, in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "posts.jsonl", "--connection", "nowhere"), "Connections: old-forum"),
        (("import", "no-such-file", "--connection", "old-forum"), "no-such-file cannot be read"),
        (("poll", "nowhere"), "Connections: old-forum"),
        (("shadow", "nowhere"), "Connections: old-forum"),
        (("thread", "4711"), "no thread has this id"),
        (("queue", "--as-of", "yesterday"), "is not a time"),
        (("client", "add", "x", "--scope", "everything"), "no scope “everything”"),
        (("connect", "archive", "--name", "old-forum"), "already"),
        (("restore", "posts.jsonl"), "not empty"),
        (("backup", "no/such/folder/x.zip"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_1(
    home: Path, here: Callable[..., Answer], arguments: tuple[str, ...], words: str
) -> None:
    found = here(home, *arguments)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("Error: ")
    assert words in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_a_real_process_fails_without_a_trace_of_python(home: Path) -> None:
    found = ask(home, "poll", "nowhere")
    assert (found.code, found.out) == (1, "")
    assert found.err == "Error: There is no connection “nowhere”. Connections: old-forum.\n"


def test_wrong_usage_is_code_2(home: Path, here: Callable[..., Answer]) -> None:
    assert here(home, "import").code == 2


def test_a_wrong_setting_names_its_variable_and_a_database_that_is_away_is_said(
    home: Path, here: Callable[..., Answer]
) -> None:
    wrong = here(home, "queue", TENTH_BATCH_SIZE="none")
    assert (wrong.code, wrong.out) == (1, "")
    assert "TENTH_BATCH_SIZE" in wrong.err
    away = here(home, "queue", TENTH_DATABASE_URL=f"postgresql://u:my-password@127.0.0.1:{free_port()}/d")
    assert away.code == 1
    assert "TENTH_DATABASE_URL" in away.err
    assert "my-password" not in away.err


# ------------------------------------------------------------------ import and queue


def test_a_second_import_adds_nothing_and_standard_input_is_a_file(home: Path, here: Callable[..., Answer]) -> None:
    again = here(home, "import", "posts.jsonl", "--connection", "old-forum")
    assert again.code == 0
    assert "0 new, 2 bad" in again.out
    assert "now holds 60 messages in 20 threads" in again.out
    piped = ask(home, "import", "-", "--connection", "old-forum", "--json", stdin=jsonl([line(100, 1, "x")]) + BAD[0])
    assert (piped.json["lines"], piped.json["bad"]) == (2, 1)


def test_the_queue_as_json_is_only_json_and_holds_the_tenth(home: Path, here: Callable[..., Answer]) -> None:
    found = ask(home, "queue", "--json")
    assert (found.code, found.err) == (0, "")
    queue = found.json
    assert queue["threads"] == 20
    assert queue["surfaced"] == 2
    assert len(queue["items"]) == queue["surfaced"] + queue["always"]
    words = here(home, "queue", "--locale", "fr")
    assert words.out.startswith("20 threads active; 2 within the budget")
    past = here(home, "queue", "--as-of", "2026-11-20T06:00:00+00:00", "--json").json
    assert 0 < past["threads"] < 20
    first = queue["items"][0]["thread"]
    thread = here(home, "thread", first, "--json").json
    assert thread["thread"] == first
    assert len(thread["items"]) == thread["messages"]
    assert sum(m["marked"] for m in thread["items"]) == 1
    assert "toxicity" in here(home, "thread", first).out


# ------------------------------------------------------------------ score


def test_score_gives_a_line_for_a_line_and_leaves_no_trace(tmp_path: Path) -> None:
    hostile = b"It burned my hand!\n\nYou are idiots\r\n" + b"\xff\xfe\x00\n" + b"x" * 5000 + b"\nno newline at the end"
    found = ask(tmp_path, "score", stdin=hostile)
    rows = [json.loads(row) for row in found.out.splitlines()]
    assert (found.code, found.err, len(rows)) == (0, "", 6)
    heads = {"toxicity", "urgency", "sentiment", "language", "classes", "intents"}
    assert set(rows[0]) == heads | {"reasons", "rules", "scorer"}
    assert rows[0]["rules"] == ["safety"]
    assert rows[2]["toxicity"] > rows[1]["toxicity"]
    assert list(tmp_path.iterdir()) == []


def test_a_scorer_that_is_not_there_is_named(tmp_path: Path, here: Callable[..., Answer]) -> None:
    found = here(tmp_path, "score", "--scorer", "magic")
    assert (found.code, found.out) == (1, "")
    assert "magic" in found.err


# ------------------------------------------------------------------ the rest of the desk


def test_people_clients_switches_and_the_audit_log(tmp_path: Path, here: Callable[..., Answer]) -> None:
    """One story: every act of it leaves its entry, the chain is whole, a change to it is found."""
    assert here(tmp_path, "migrate").out.startswith("The database is at version")
    added = here(tmp_path, "person", "add", "ada", "--role", "manager")
    assert "“ada” may sign in as manager" in added.out
    assert "already" in here(tmp_path, "person", "add", "Ada").err
    token = here(tmp_path, "client", "add", "dashboard", "--scope", "queue:read").out.strip()
    assert len(token) >= 32
    assert " " not in token
    assert here(tmp_path, "stop", "--reason", "we look into it").code == 0
    assert here(tmp_path, "stop").code == 0
    assert here(tmp_path, "go").code == 0
    assert here(tmp_path, "retry").out.startswith("0 deliveries")
    exported = here(tmp_path, "audit", "head").out
    (tmp_path / "head.txt").write_text(exported)
    good = here(tmp_path, "audit", "verify", "--json", "--head", "head.txt")
    assert (good.code, good.json["findings"]) == (0, [])
    entries = good.json["entries"]
    assert entries >= 4
    with sqlite3.connect(tmp_path / "var" / "tenth.db") as database:
        database.execute("UPDATE audit_entry SET reason = 'nothing to see' WHERE kind = 'switch:stop'")
    bad = here(tmp_path, "audit", "verify", "--json")
    assert bad.code == 1
    assert len(bad.json["findings"]) == 1
    assert here(tmp_path, "audit", "verify").out.endswith("the chain is broken.\n")


def test_the_doctor_without_a_worker_says_what_to_do(home: Path, here: Callable[..., Answer]) -> None:
    found = here(home, "doctor", "--json")
    assert found.code == 1
    failed = [f for f in found.json if not f["ok"]]
    assert [(f["part"], f["do"]) for f in failed] == [("worker", "Start the service: tenth run")]
    assert "FAIL worker" in here(home, "doctor").out


def test_backup_rotation_and_restore(home: Path, tmp_path: Path, here: Callable[..., Answer]) -> None:
    """A backup comes back under its key, and under a new one that has the old behind it."""
    saved = here(home, "backup", str(tmp_path / "saved.zip"))
    assert saved.code == 0
    old, new = (home / "var" / "secret-key").read_text(), "a newer secret key for tests of forty letters"
    refused = here(tmp_path, "restore", "saved.zip", TENTH_SECRET_KEY=new)
    assert refused.code == 1
    assert "TENTH_SECRET_KEY" in refused.err
    back = here(tmp_path, "restore", "saved.zip", TENTH_SECRET_KEY=old)
    assert (back.code, back.err) == (0, "")
    assert "are back" in back.out
    rotated = here(tmp_path, "secrets", "rotate", TENTH_SECRET_KEY=f"{new},{old}")
    assert "under the newest key" in rotated.out
    assert here(tmp_path, "audit", "verify", TENTH_SECRET_KEY=new).code == 0
    assert here(tmp_path, "audit", "verify", TENTH_SECRET_KEY=old).code == 1
    before, after = here(home, "queue", "--json").json, here(tmp_path, "queue", "--json", TENTH_SECRET_KEY=new).json
    assert after == before


# ------------------------------------------------------------------ help


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group) and name != "connect":
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize("path", [p for p, _ in commands(cli)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    found = CliRunner().invoke(cli, [*path, "--help"])
    assert found.exit_code == 0
    assert "Example" in found.output, f"tenth {' '.join(path)} --help shows no example"
    assert f"tenth {path[0]}" in found.output


def test_the_version_is_that_of_the_package() -> None:
    found = CliRunner().invoke(cli, ["--version"])
    assert found.output.startswith("tenth, version ")
