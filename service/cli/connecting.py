"""`tenth connect`, `tenth connections`, `tenth poll`: the options of `connect` come from each connector's settings."""

from __future__ import annotations

import types
import typing
from typing import Any

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import select

from plugins.contract import Check, Connector
from plugins.registry import load
from service.cli.base import actor, deps, json_option, print_json
from service.db.models import Connection
from service.db.pacing import budget_left
from service.deps import Deps
from service.usecases import intake, polling, triage
from service.usecases.connections import connect, find, pace_key


class ConnectGroup(click.Group):
    """One subcommand per installed connector."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(load())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        connector = load().get(cmd_name)
        return _command(connector) if connector else None


def _command(connector: Connector) -> click.Command:
    options = [_option(name, info) for name, info in connector.settings.model_fields.items()]
    name = click.Option(["--name"], required=True, help="What this connection is called here.")

    def run(name: str, **given: Any) -> None:
        _connect(connector, name, {k: v for k, v in given.items() if v not in (None, ())})

    return click.Command(
        connector.name,
        params=[name, *options],
        callback=run,
        help=f"Connect {connector.label}: checks the credentials and rights at once. It starts in shadow mode.",
    )


def _option(name: str, info: FieldInfo) -> click.Option:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    flag = str(extra.get("option", "--" + name.replace("_", "-")))
    many = typing.get_origin(info.annotation) is tuple
    default = None if many or info.default is PydanticUndefined or info.is_required() else info.default
    return click.Option(
        [flag, name],
        required=info.is_required(),
        multiple=many,
        default=() if many else default,
        type=_type(info.annotation),
        help=info.description,
        envvar=f"TENTH_CONNECT_{name.upper()}" if _is_secret(info.annotation) else None,
        show_envvar=True,
        show_default=default is not None,
    )


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in typing.get_args(annotation)


def _type(annotation: Any) -> Any:
    if annotation is bool:
        return bool
    inner = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return int if int in inner else str


def _connect(connector: Connector, name: str, given: dict[str, Any]) -> None:
    connection_id, check = connect(deps(), connector.name, name, given, actor())
    click.echo(
        f"Connected “{name}” ({connector.label}), number {connection_id}, in shadow mode: it reads, sends nothing."
    )
    if check is not None:
        _say_check(check)


def _say_check(check: Check) -> None:
    click.echo(f"  Account: {check.account} on {check.server}")
    click.echo(f"  May: {', '.join(sorted(check.may)) or 'read'}")
    for problem in check.missing:
        click.echo(f"  Missing: {problem}")
    for note in check.notes:
        click.echo(f"  Note: {note}")


@click.command("connections")
@json_option
def connections(as_json: bool) -> None:
    """List the connections: state, last error in words, calls left.

    \b
    Example:  tenth connections --json
    """
    found = _list(deps())
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No connection yet. Make one: tenth connect --help")
    for one in found:
        mode = "shadow" if one["shadow"] else "live"
        click.echo(f"{one['name']}  ({one['connector']}, {mode})  {one['state']}  {one['url']}")
        if one["error"]:
            click.echo(f"    {one['error']} (code {one['error_code']}, since {one['error_since']})")


def _list(deps_: Deps) -> list[dict[str, Any]]:
    with deps_.store.read() as session:
        rows = session.scalars(select(Connection).order_by(Connection.name)).all()
        return [_as_json(row, budget_left(session, pace_key(row.connector, row.url), deps_.now())) for row in rows]


def _as_json(row: Connection, budget: list[Any]) -> dict[str, Any]:
    names = ("name", "connector", "url", "account", "server", "shadow", "state", "error", "error_code")
    times = ("error_since", "read_at", "message_at", "poll_due_at")
    values = {n: getattr(row, n) for n in names}
    values |= {n: t.isoformat() if (t := getattr(row, n)) else None for n in times}
    values["calls_left"] = [{"bucket": b, "limit": limit, "left": left} for b, limit, left, _ in budget]
    return values


@click.command("poll")
@click.argument("name", required=False)
@json_option
def poll(name: str | None, as_json: bool) -> None:
    """Read what is new from one connection (NAME) or from all, score it and triage it.

    \b
    Example:  tenth poll brava-forum
    """
    d = deps()
    with d.store.read() as session:
        names = (
            [name] if name else list(session.scalars(select(Connection.name).where(Connection.poll_due_at.isnot(None))))
        )
        wanted = {n: find(session, n).id for n in names}
    result: dict[str, dict[str, Any]] = {}
    for one, connection_id in wanted.items():
        new = polling.poll_connection(d, connection_id, turn_seconds=300.0)
        while intake.process_deliveries(d, connection_id):
            pass
        with d.store.read() as session:
            row = session.get_one(Connection, connection_id)
        result[one] = {"new": new, "state": row.state, "error": row.error}
    triage.triage_due(d)
    if as_json:
        print_json(result)
    else:
        for one, values in result.items():
            click.echo(f"{one}: {values['new']} new. {values['error'] or 'Up to date.'}")
    if any(v["state"] in ("failing", "cut_off") for v in result.values()):
        raise SystemExit(1)


connect_group = ConnectGroup(
    "connect",
    help="Connect a community. Credentials are checked at once and kept encrypted.\n\n"
    "\b\nExamples:\n"
    "  tenth connect mastodon --name brava --url https://mastodon.example --token T --hashtag brava\n"
    "  tenth connect discourse --name forum --url https://forum.example --api-key K --api-username brava\n"
    "  tenth connect archive --name old-forum",
)
COMMANDS = (connect_group, connections, poll)
