"""`tenth rules`, `statements`, `appeals`: by which rules we act, what authors are told, what they contest."""

from __future__ import annotations

from dataclasses import asdict

import click
from sqlalchemy import select

from moderation.errors import BadInput
from moderation.statements import OTHER
from service.cli.base import actor, deps, json_option, person_named, print_json, read_time
from service.db.models import Community, Connection
from service.deps import Deps
from service.usecases import appealed
from service.usecases import appeals as appeal_steps
from service.usecases import rules as usecase
from service.usecases import statements as told


@click.group("rules")
def rules() -> None:
    """The rules of the communities, in English and in French."""


@rules.command("list")
@json_option
def list_rules(as_json: bool) -> None:
    """List the rules that are in force.

    \b
    Example:  tenth rules list --json
    """
    desk = deps()
    usecase.ensure_rules(desk)
    found = usecase.all_rules(desk)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        click.echo(f"{one.id}  {one.community or 'everywhere'}  {one.titled('en')} / {one.titled('fr')}")


@rules.command("add")
@click.option("--title", required=True, help="In English.")
@click.option("--text", required=True, help="In English.")
@click.option("--title-fr", required=True, help="In French.")
@click.option("--text-fr", required=True, help="In French.")
@click.option("--category", default=OTHER, show_default=True, help="A category or keyword of the EU's database.")
@click.option("--connection", help="With --community: where it holds; without, everywhere.")
@click.option("--community")
@json_option
def add(
    title: str,
    text: str,
    title_fr: str,
    text_fr: str,
    category: str,
    connection: str | None,
    community: str | None,
    as_json: bool,
) -> None:
    """Add a rule.

    \b
    Example:  tenth rules add --title "No spoilers" --text "Hide what gives an end away." \\
                --title-fr "Pas de révélations" --text-fr "Masquez ce qui dévoile une fin."
    """
    found = deps()
    place = _community(found, connection, community)
    draft = usecase.Draft(place, {"en": title, "fr": title_fr}, {"en": text, "fr": text_fr}, category)
    rule_id = usecase.add(found, draft, actor())
    if as_json:
        print_json({"id": rule_id})
        return
    click.echo(f"Rule {rule_id} is in force.")


@rules.command("end")
@click.argument("rule_id", type=int)
@json_option
def end(rule_id: int, as_json: bool) -> None:
    """Take a rule out of force. What was decided by it keeps it.

    \b
    Example:  tenth rules end 3
    """
    usecase.end(deps(), rule_id, actor())
    if as_json:
        print_json({"id": rule_id, "ended": True})
        return
    click.echo(f"Rule {rule_id} is out of force.")


@click.group("statements")
def statements() -> None:
    """Statements of reasons: what authors were told of acts, and why."""


@statements.command("export")
@click.option("--since", help="Acts asked for from this time on; ISO 8601.")
@click.option("--until", help="Acts asked for before this time; ISO 8601.")
@json_option
def export(since: str | None, until: str | None, as_json: bool) -> None:
    """Print statements in the fields of the DSA Transparency Database, without personal data.

    With --json one document, {"statements": [...]}, as its API takes it (a hundred in a call); else one in a line.

    \b
    Example:  tenth statements export --since 2026-11-01 --json
    """
    times = (read_time(since) if since else None, read_time(until) if until else None)
    found = [one for _, one in told.export(deps(), *times)]
    if as_json:
        print_json({"statements": found})
        return
    for one in found:
        click.echo(f"{one['puid']}  {one['application_date']}  {one['category']}  {one['incompatible_content_ground']}")
    click.echo(f"{len(found)} statements. Add --json for all fields.", err=True)


@click.group("appeals")
def appeals() -> None:
    """What authors say against decisions."""


@appeals.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(["open", *appeal_steps.OUTCOMES]))
@json_option
def list_appeals(states: tuple[str, ...], as_json: bool) -> None:
    """List appeals, open ones first.

    \b
    Example:  tenth appeals list --state open --json
    """
    found = appealed.appeals(deps(), states=states)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        click.echo("No appeals.")
    for one in found:
        click.echo(f"{one.id}  {one.state}  {one.reasons.kind} of {one.acted_at:%Y-%m-%d}  {one.text[:80]!r}")


@appeals.command("decide")
@click.argument("appeal_id", type=int)
@click.argument("outcome", type=click.Choice(appeal_steps.OUTCOMES))
@click.option("--reason", required=True, help="Why; the author reads it.")
@click.option("--by", default="owner", show_default=True, help="The person of the desk who decides.")
@json_option
def decide(appeal_id: int, outcome: str, reason: str, by: str, as_json: bool) -> None:
    """Decide an appeal, as another person than those who decided first. An overturn takes the act back.

    \b
    Example:  tenth appeals decide 3 overturned --reason "It was a quotation." --by marta
    """
    found = deps()
    undo_id = appeal_steps.decide(found, appeal_id, person_named(found, by), outcome, reason)
    if as_json:
        print_json({"id": appeal_id, "state": outcome, "undo_action": undo_id})
        return
    back = f" Action {undo_id} takes the act back." if undo_id is not None else ""
    click.echo(f"Appeal {appeal_id} is {outcome}.{back}")


def _community(found: Deps, connection: str | None, community: str | None) -> int | None:
    if not connection and not community:
        return None
    query = select(Community.id).join(Connection, Connection.id == Community.connection_id)
    with found.store.read() as session:
        ids = session.scalars(query.where(Connection.name == connection, Community.name == community)).all()
    if len(ids) != 1:
        raise BadInput("Name both, a connection and one of its communities; `tenth connections` lists them.")
    return ids[0]


COMMANDS = (rules, statements, appeals)
