"""`tenth stars`: whom the public page thanks."""

from __future__ import annotations

from dataclasses import asdict

import click

from service.cli.base import deps, json_option, print_json
from service.usecases.badges import moving
from service.usecases.thanks import Star, stars


@click.command("stars")
@json_option
def stars_command(as_json: bool) -> None:
    """List the rock stars who agreed to be named in public, by name: what /stars shows, and no figures.

    And badges that are on their way to a platform, or cannot be given there.

    \b
    Example:  tenth stars
    """
    d = deps()
    found, waiting = stars(d), moving(d)
    if as_json:
        print_json({"stars": [asdict(star) for star in found], "badges": [asdict(badge) for badge in waiting]})
        return
    for star in found:
        _print(star)
    if not found:
        click.echo("Nobody is named yet: whoever holds a grant decides that for themselves.")
    for badge in waiting:
        click.echo(f"badge “{badge.name}” of {badge.handle}: {badge.state}. {badge.error}".rstrip())


def _print(star: Star) -> None:
    click.echo(f"{star.name} ({star.handle}, {star.connection}): {', '.join(star.places)}; since {star.since:%Y-%m-%d}")
    if star.good_at:
        click.echo(f"     {', '.join(star.good_at)}")
    for answer in star.answers:
        click.echo(f"     {answer.url or answer.title}")


COMMANDS = (stars_command,)
