"""`tenth rockstars`: who helps others, with evidence and what speaks against proposing them."""

from __future__ import annotations

import click

from service.cli.base import deps, json_option, print_json
from service.usecases.reputation import SHOWN, Candidate, Found, areas, sum_up_all
from service.usecases.reputation import rockstars as found_in
from service.usecases.reputation_json import found_json


@click.command("rockstars")
@click.option("--area", default="", help="Only what they did there, such as community:3, tag:help or product:duetto.")
@click.option("--areas", "list_areas", is_flag=True, help="List the areas in which somebody helps.")
@click.option("--shown", default=SHOWN, show_default=True, type=click.IntRange(1, 60), help="The longest list.")
@json_option
def rockstars(area: str, list_areas: bool, shown: int, as_json: bool) -> None:
    """Say who is a rock star: members whose answers help, sure enough that luck does not make it.

    A share is of answers that helped, all doubt included, with its 95% interval; the list goes by its lower end.

    \b
    Example:  tenth rockstars
              tenth rockstars --area community:3 --json
    """
    d = deps()
    sum_up_all(d)
    if list_areas:
        known = areas(d)
        if as_json:
            print_json([{"area": a.key, "name": a.name, "people": a.people} for a in known])
        for one in [] if as_json else known:
            click.echo(f"{one.key:<24} {one.name} ({one.people})")
        return
    found = found_in(d, area, shown)
    if as_json:
        print_json(found_json(found))
    else:
        _print(found)


def _print(found: Found) -> None:
    click.echo(f"{found.authors} authors, {found.praised} of them praised for an answer")
    if not found.candidates:
        click.echo("Nobody can be proposed yet.")
    for place, one in enumerate(found.candidates, 1):
        _candidate(f"{place}.", one)
    if found.others:
        click.echo("\nNot to be proposed, and why:")
    for one in found.others:
        _candidate("-", one)


def _candidate(mark: str, of: Candidate) -> None:
    known = of.reputation
    names = ", ".join(f"{account.handle} ({account.connection})" for account in of.accounts)
    click.echo(f"{mark} {names}: {'; '.join(of.against)}" if of.against else f"{mark} {names}")
    click.echo(
        f"     helped {known.helped.value:.0%} ({known.helped.low:.0%} to {known.helped.high:.0%}), "
        f"{known.praised.good} of {known.praised.of} answers praised by {known.people} people; "
        f"first within an hour {known.quick.good} of {known.quick.of}, "
        f"calmed {known.calmed.good} of {known.calmed.of}; "
        f"hostile {known.toxic.good} of {known.toxic.of}; {known.weeks} weeks of 26"
    )
    for area in of.areas[:3]:
        helped = area.reputation.helped
        click.echo(f"     {area.name} ({area.key}): {helped.value:.0%} ({helped.low:.0%} to {helped.high:.0%})")
    for evidence in of.best[:2] if not of.against else ():
        click.echo(f"     {evidence.url or f'thread {evidence.thread}'}")


COMMANDS = (rockstars,)
