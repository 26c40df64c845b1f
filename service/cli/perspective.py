"""`tenth perspective`: clients of the Perspective API, and old thresholds onto ours."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from moderation.evaluation.metrics import Estimate
from service.cli.base import actor, deps, json_option, print_json
from service.usecases.perspective import Key, create_key, install_maps, list_keys, remove_maps, revoke_key
from service.usecases.perspective_sample import Calibration, Threshold, calibrate, read_sample

LIMIT = click.IntRange(1)


@click.group("perspective")
def perspective() -> None:
    """The Perspective API: who may use it, and what its thresholds mean here."""


@perspective.group("key")
def key() -> None:
    """Clients, each with a key of its own."""


@key.command("create")
@click.option("--name", required=True, help="What to call the client.")
@click.option("--per-second", type=LIMIT, help="Most requests a second; without it, as many as come.")
@click.option("--per-day", type=LIMIT, help="Most requests a day (UTC); without it, as many as come.")
def create(name: str, per_second: int | None, per_day: int | None) -> None:
    """Make a key; it is printed on the last line, once.

    \b
    Example:  tenth perspective key create --name forum --per-second 10 --per-day 100000
    """
    made = create_key(deps(), name, per_second, per_day, actor())
    click.echo(f"The key of “{name.strip()}” follows. It is kept nowhere; copy it now.")
    click.echo(made)


@key.command("list")
@json_option
def show(as_json: bool) -> None:
    """List the keys: limits, calls of today, last use. The keys themselves are not known.

    \b
    Example:  tenth perspective key list
    """
    keys = list_keys(deps())
    if as_json:
        print_json([asdict(one) for one in keys])
        return
    for one in keys:
        click.echo(_line(one))
    if not keys:
        click.echo("There are no keys. Make one: tenth perspective key create --name NAME")


@key.command("revoke")
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a key; the server knows within five seconds.

    \b
    Example:  tenth perspective key revoke forum
    """
    revoke_key(deps(), name, actor())
    click.echo(f"The key of “{name}” no longer works.")


@perspective.command("calibrate")
@click.argument("sample", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--install", is_flag=True, help="Have the server answer on Perspective's scale from now on.")
@json_option
def calibrate_command(sample: Path, install: bool, as_json: bool) -> None:
    """Say which thresholds of ours equal your old ones, from texts that Perspective has scored.

    SAMPLE is a CSV file with the columns text and score (Perspective's TOXICITY), or JSON lines with the same. Columns
    named as other attributes are read, too, and a label (0 or 1) where a person judged.

    \b
    Example:  tenth perspective calibrate sample.csv
              tenth perspective calibrate sample.csv --install
    """
    held = deps()
    found = calibrate(held.scorer, read_sample(sample))
    if install:
        curves = {one.attribute: one.curve for one in found}
        install_maps(held, found[0].scorer, curves, max(one.texts for one in found), actor())
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    for one in found:
        _show(one)
    click.echo(_installed(found) if install else "Nothing was changed; --install has the server answer on this scale.")


@perspective.command("uncalibrate")
def uncalibrate() -> None:
    """Take back what was installed last; what was there before holds again.

    \b
    Example:  tenth perspective uncalibrate
    """
    removed = remove_maps(deps(), actor())
    click.echo(f"Taken back: {', '.join(removed)}." if removed else "No map is installed.")


def _line(one: Key) -> str:
    limits = [f"{n:,} a {per}" for n, per in ((one.per_second, "second"), (one.per_day, "day")) if n is not None]
    state = "revoked" if one.revoked_at else ", ".join(limits) or "no limit"
    last = f"{one.last_used_at:%Y-%m-%d %H:%M}" if one.last_used_at else "never"
    return f"  {one.name:<24} {state:<36} today {one.used:>9,}   last used {last}"


def _show(one: Calibration) -> None:
    click.echo(f"{one.attribute}: {one.texts:,} texts, scorer {one.scorer}")
    click.echo(f"  rank correlation with Perspective {_figure(one.rank_correlation)}")
    if one.auc_theirs is not None and one.auc_ours is not None:
        auc = f"Perspective {_figure(one.auc_theirs)}, ours {_figure(one.auc_ours)}"
        click.echo(f"  AUC against {one.labelled:,} labels: {auc}")
    for at in one.thresholds:
        click.echo(f"  {_threshold(at)}")


def _threshold(at: Threshold) -> str:
    return (
        f"old {at.theirs:.1f} is {_figure(at.ours)} here; Perspective flags {at.flagged_by_theirs}. "
        f"At the old number we flag {at.flagged_by_ours}, {at.flagged_by_both} the same: alike {_figure(at.same)}. "
        f"Mapped, {at.linked_flagged}, {at.linked_both} the same: alike {_figure(at.linked)}."
    )


def _figure(found: Estimate) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _installed(found: list[Calibration]) -> str:
    names = ", ".join(one.attribute for one in found)
    return (
        f"Installed for {names}; the server knows within five seconds. `tenth perspective uncalibrate` takes it back."
    )


def _as_json(one: Calibration) -> dict[str, Any]:
    return asdict(one) | {"curve": one.curve.points}


COMMANDS = (perspective,)
