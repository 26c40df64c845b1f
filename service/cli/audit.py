"""`tenth audit`: whether the log is whole, its signed head, and what is in it as a file."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.base import actor, deps, json_option, print_json, read_time
from service.db.audit import export_head, verify
from service.usecases import auditing


@click.group("audit")
def audit() -> None:
    """The audit log: an append-only chain with a signed head."""


@audit.command("verify")
@click.option("--head", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A head exported earlier.")
@json_option
def verify_command(head: Path | None, as_json: bool) -> None:
    """Find any entry that was changed, removed, moved or cut off. Exit code 1 when there is one.

    \b
    Example:  tenth audit head > head.txt      (keep it elsewhere)
              tenth audit verify --head head.txt
    """
    d = deps()
    with d.store.read() as session:
        findings = verify(session, d.vault, head.read_text() if head else "")
        entries = export_head(session).split(":")[0] or "0"
    if as_json:
        print_json({"entries": int(entries), "findings": [{"seq": f.seq, "problem": f.problem} for f in findings]})
    else:
        for finding in findings:
            click.echo(f"entry {finding.seq}: {finding.problem}")
        click.echo(f"{entries} entries; " + ("the chain is whole." if not findings else "the chain is broken."))
    if findings:
        raise SystemExit(1)


@audit.command("head")
def head_command() -> None:
    """Print the signed head, to be kept where this database's keeper cannot change it.

    \b
    Example:  tenth audit head > head.txt
    """
    d = deps()
    with d.store.read() as session:
        click.echo(export_head(session))


@audit.command("export")
@click.option("--format", "form", type=click.Choice(list(auditing.FORMS)), default="json", show_default=True)
@click.option("--who", default="", help="A person's name or pseudonym, or cli, system, door.")
@click.option("--what", default="", help="A kind of entry, such as grant:offer, or its first word.")
@click.option("--subject", default="", help="What it was done to, such as thread:5.")
@click.option("--community", type=int, help="The number of a community: everything in it.")
@click.option("--since", default="", help="From this time, such as 2026-11-22T09:00.")
@click.option("--until", default="", help="Up to this time, without it.")
@click.option("--text", default="", help="Words in the reason.")
def export_command(
    form: str, who: str, what: str, subject: str, community: int | None, since: str, until: str, text: str
) -> None:
    """Print entries, oldest first, with the signed head. People are pseudonyms in it. It is noted that you took them.

    \b
    Example:  tenth audit export --format csv --what grant --since 2026-11-01 > grants.csv
    """
    found = deps()
    start, end = (read_time(at) if at else None for at in (since, until))
    sought = auditing.Sought(auditing.actor_named(found, who), what, subject, community, start, end, text)
    for piece in auditing.export(found, sought, form, actor()):
        click.echo(piece, nl=False)


COMMANDS = (audit,)
