"""`tenth audit verify` and `tenth audit head`."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.base import deps, json_option, print_json
from service.db.audit import export_head, verify


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


COMMANDS = (audit,)
