"""`tenth queue` and `tenth thread`."""

from __future__ import annotations

from typing import Any

import click

from moderation.words import duration
from service.cli.base import deps, json_option, print_json, read_time
from service.usecases import triage
from service.usecases.conversation import ThreadPage, find_thread, thread_page
from service.usecases.past import queue_as_of
from service.usecases.queue import Queue, queue_page


@click.command("queue")
@click.option("--as-of", default="", help="The queue as it was at this time (ISO 8601).")
@click.option("--locale", default="en", type=click.Choice(["en", "fr"]), help="Language of the reasons.")
@json_option
def queue(as_of: str, locale: str, as_json: bool) -> None:
    """Show what needs the brand: the tenth within the budget, and what rules put above the line.

    \b
    Example:  tenth queue --json
              tenth queue --as-of 2026-11-01T12:00:00Z
    """
    d = deps()
    if as_of:
        found = queue_as_of(d, read_time(as_of), locale)
    else:
        triage.triage_due(d)
        found = queue_page(d, locale=locale, size=None)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)


def _print(found: Queue) -> None:
    line = found.line
    click.echo(
        f"{line.threads} threads active; {line.surfaced} within the budget ({line.share:.1%}), "
        f"{line.always} more by rule."
    )
    for item in found.items:
        reasons = "; ".join(r.text for r in item.reasons[:3])
        click.echo(f"\n[{item.band}] {item.title or item.thread}  ({item.connection} · {item.community})")
        click.echo(f"    {reasons}")
        click.echo(
            f"    waiting {duration(item.waiting_seconds)} · {item.messages} messages · {item.url or item.thread}"
        )


@click.command("thread")
@click.argument("thread_id")
@click.option("--connection", default="", help="The connection, when several have this id.")
@json_option
def thread(thread_id: str, connection: str, as_json: bool) -> None:
    """Show a whole conversation (ID is the platform's own), with scores and reasons.

    \b
    Example:  tenth thread 512 --connection brava-forum
    """
    d = deps()
    with d.store.read() as session:
        number = find_thread(session, thread_id, connection)
    page = thread_page(d, number)
    if as_json:
        print_json(_as_json(page))
        return
    click.echo(f"{page.item.title}  [{page.item.band}] priority {page.item.priority:.2f}, {page.item.state}")
    for reason in page.because:
        click.echo(f"  - {reason.text}")
    for message in page.messages:
        mark = ">>" if message.marked else "  "
        click.echo(f"\n{mark} {message.author} ({message.role}) {message.created_at:%Y-%m-%d %H:%M}")
        click.echo(f"   toxicity {message.toxicity:.2f}, urgency {message.urgency:.2f}")
        click.echo("   " + (message.text or "[removed]").replace("\n", "\n   "))


def _as_json(page: ThreadPage) -> dict[str, Any]:
    messages = [
        {
            "id": m.remote_id,
            "author": m.handle,
            "role": m.role,
            "created_at": m.created_at.isoformat(),
            "edited_at": m.edited_at.isoformat() if m.edited_at else None,
            "deleted": m.deleted_at is not None,
            "text": m.text,
            "language": m.language,
            "toxicity": m.toxicity,
            "urgency": m.urgency,
            "sentiment": m.sentiment,
            "rules": list(m.rules),
            "reasons": [r.text for r in m.reasons],
            "scorer": m.scorer,
            "marked": m.marked,
            "in_reply_to": m.in_reply_to,
        }
        for m in page.messages
    ]
    return page.item.to_json() | {"lane": page.item.lane, "state": page.item.state, "items": messages}


COMMANDS = (queue, thread)
