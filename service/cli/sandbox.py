"""`tenth sandbox`: the community that `make run` shows."""

from __future__ import annotations

import subprocess
import sys

import click

from service.cli.base import json_option, print_json
from service.config import load_settings
from service.sandbox.client import born
from service.sandbox.story import Planted
from service.sandbox.writer import build_story


@click.command("sandbox")
@click.option("--answers", is_flag=True, help="Print what is planted in it, and stop.")
@click.option("--port", default=8765, show_default=True, help="Port on 127.0.0.1.")
@json_option
def sandbox(answers: bool, port: int, as_json: bool) -> None:
    """Serve the sandbox community on its own, or print its planted list (--answers).

    \b
    Example:  tenth sandbox --answers
    """
    if not answers:
        raise SystemExit(subprocess.call([sys.executable, "-m", "service.sandbox", "--port", str(port)]))
    story = build_story(born(load_settings().data_dir))
    openings = {c.key: (c.title or c.lines[0].text, c.lines[0].text) for c in story.conversations}
    if as_json:
        print_json([_as_json(p, *openings[p.key]) for p in story.planted])
        return
    for p in story.planted:
        click.echo(f"{p.expected:8} {p.kind:10} {'rule' if p.by_rule else '    '} {openings[p.key][0][:90]}")


def _as_json(planted: Planted, title: str, opening: str) -> dict[str, object]:
    names = ("key", "kind", "expected", "by_rule", "why")
    return {n: getattr(planted, n) for n in names} | {"title": title, "opening": opening}


COMMANDS = (sandbox,)
