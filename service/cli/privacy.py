"""`tenth privacy`: what is kept about somebody, taken out on request; how long words are kept; who is not read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import click

from moderation.errors import BadInput
from service.cli.base import deps, json_option, person_named, print_json
from service.deps import Deps
from service.usecases import erasing, keeping
from service.usecases import privacy as usecase
from service.usecases.connections import find
from service.usecases.erasing import Proof
from service.usecases.people import Known

_by = click.option("--by", default="owner", show_default=True, help="The person of the desk who does it.")
_where = click.option("--connection", default="", help="The connection where they write, if several know the handle.")
_yes = click.option("--yes", is_flag=True, help="Do not ask again.")


@click.group("privacy")
def privacy() -> None:
    """What is kept about people: given out, taken out, kept for a time, not kept at all."""


@privacy.command("export")
@click.argument("author")
@_where
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it; else it is printed.")
@_by
@json_option
def export(author: str, connection: str, out: Path | None, by: str, as_json: bool) -> None:
    """Write everything that is kept about AUTHOR, a handle or a number, as one JSON document.

    \b
    Example:  tenth privacy export marc --connection forum --out marc.json
    """
    found, known, author_id = _asked(author, connection, by)
    sections = usecase.export(found, author_id, known)
    with _opened(out) as file:
        counts = _write(file, {"format": usecase.FORMAT, "made_at": found.now().isoformat()}, sections)
    if out is None:
        return
    if as_json:
        print_json({"file": str(out), "author": author_id, "rows": counts})
    else:
        click.echo(f"{sum(counts.values())} rows about author {author_id} are in {out}.")


@privacy.command("erase")
@click.argument("author")
@_where
@click.option("--keep-out", is_flag=True, help="Keep nothing that they write later, either.")
@_yes
@_by
@json_option
def erase(author: str, connection: str, keep_out: bool, yes: bool, by: str, as_json: bool) -> None:
    """Take out everything about AUTHOR, and prove it. Exit code 1 when it is not finished: run it again.

    \b
    Backups, logs of web servers, and the platform itself lie outside: see to them, too.
    Example:  tenth privacy erase marc --connection forum
    """
    found, known, author_id = _asked(author, connection, by)
    if not yes:
        click.confirm(f"Erase everything about author {author_id} ({author})? Nobody can take that back.", abort=True)
    proof = erasing.erase(found, author_id, known, keep_out=keep_out)
    print_json(_as_json(proof)) if as_json else _tell(proof)
    if not proof.finished:
        raise SystemExit(1)


@privacy.command("opt-out")
@click.argument("author")
@_where
@click.option("--end", is_flag=True, help="Read them again; what was emptied stays so.")
@_by
@json_option
def opt_out(author: str, connection: str, end: bool, by: str, as_json: bool) -> None:
    """Keep no word of AUTHOR, and never score or count them.

    \b
    Example:  tenth privacy opt-out marc
    """
    found, known, author_id = _asked(author, connection, by)
    emptied: dict[str, int] = {}
    if end:
        usecase.opt_in(found, author_id, known)
    else:
        usecase.opt_out(found, author_id, known)
        emptied = dict(erasing.forget_words(found, author_id))
    if as_json:
        print_json({"author": author_id, "read": end, "emptied": emptied})
    else:
        click.echo(f"Author {author_id} is {'read again' if end else 'not read any more'}.")


@privacy.command("retention")
@click.argument("connection")
@click.option("--days", help="How many days its words are kept, or off: as long as the desk is.")
@_by
@json_option
def retention(connection: str, days: str | None, by: str, as_json: bool) -> None:
    """Say, or set, how long the words of CONNECTION are kept.

    \b
    Example:  tenth privacy retention forum --days 365
    """
    found = deps()
    with found.store.read() as session:
        connection_id = find(session, connection).id
    if days is not None:
        keeping.keep_for(found, connection_id, _days(days), person_named(found, by))
    kept = keeping.kept_days(found).get(connection_id)
    if as_json:
        print_json({"connection": connection, "days": kept})
    else:
        term = f"for {kept} day{'s' if kept > 1 else ''}" if kept else "as long as the desk is"
        click.echo(f"Words of {connection} are kept {term}.")


def _asked(author: str, connection: str, by: str) -> tuple[Deps, Known, int]:
    found = deps()
    return found, person_named(found, by), usecase.find_author(found, author, connection)


def _days(text: str) -> int | None:
    if text == "off":
        return None
    if not text.isdigit() or len(text) > 6:
        raise BadInput("Say how many days, or off.")
    return int(text)


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    """A file that only its owner can read, or standard output."""
    if out is None:
        yield sys.stdout
        return
    try:
        out.unlink(missing_ok=True)
        out.touch(mode=0o600)
        with out.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}.") from None


def _write(file: IO[str], head: dict[str, Any], sections: Iterator[tuple[str, usecase.Rows]]) -> dict[str, int]:
    """One document, row by row. Returns rows by section."""
    counts: dict[str, int] = {}
    file.write("{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()))
    for name, rows in sections:
        file.write(f",\n {json.dumps(name)}: [")
        counts[name] = 0
        for row in rows:
            file.write((",\n  " if counts[name] else "\n  ") + json.dumps(row, ensure_ascii=False, default=str))
            counts[name] += 1
        file.write("\n ]" if counts[name] else "]")
    file.write("\n}\n")
    return counts


def _as_json(proof: Proof) -> dict[str, Any]:
    left = [asdict(one) | {"why": why} for one, why in proof.left]
    told = {"author": proof.author, "finished": proof.finished, "emptied": proof.emptied, "waiting": proof.waiting}
    seen = {"pending_acts": proof.pending, "looked_for": proof.looked_for, "left": left}
    return told | seen | {"chain_ok": not proof.chain, "file_rewritten": proof.scoured}


def _tell(proof: Proof) -> None:
    for table, rows in proof.emptied.items():
        click.echo(f"{rows:>8}  {table}")
    for one in proof.waiting:
        click.echo(f"Still there: {one}")
    if proof.waiting:
        click.echo("Their name stays until that is gone, because it is taken by it. Run this again.")
        return
    click.echo(f"Looked for {proof.looked_for} names and pieces of their messages in every table.")
    for left, why in proof.left:
        click.echo(f"Still found: {left.table}.{left.column}, {left.rows} rows: {why or 'THIS SHOULD NOT BE'}")
    if not proof.left:
        click.echo("Nothing is found.")
    if proof.pending:
        click.echo(f"{proof.pending} acts about them are still to be carried out; whom they are about goes after that.")
    if not proof.scoured:
        click.echo("The database's file was in use and may hold old pages. Run this again when nobody writes.")
    click.echo("The audit log is whole." if not proof.chain else "THE AUDIT LOG IS BROKEN: tenth audit verify")
    click.echo("Outside lie backups, logs of web servers, and the platform itself.")


COMMANDS = (privacy,)
