"""`tenth selftest`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from service.cli.base import json_option, print_json
from service.selftest.grants import Plan as GrantsPlan
from service.selftest.grants import Result as GrantsResult
from service.selftest.grants import try_grants
from service.selftest.intake import Plan, Result, try_intake
from service.selftest.replies import Plan as RepliesPlan
from service.selftest.replies import Result as RepliesResult
from service.selftest.replies import try_replies
from service.selftest.replies_platform import MODES
from service.selftest.replies_server import OPENING, Server, try_server

#: On a real server: enough to try, little enough for a stranger's limits.
REPLIES_THERE = 5


@click.group("selftest")
def selftest() -> None:
    """Try the service on a throw-away database; your own is not touched."""


@selftest.command("intake")
@click.option("--kills", default=20, show_default=True, type=click.IntRange(0, 200), help="Processes to kill.")
@click.option("--webhooks", default=5_000, show_default=True, type=click.IntRange(50, 200_000), help="In each storm.")
@click.option("--senders", default=8, show_default=True, type=click.IntRange(1, 64), help="Senders at once.")
@click.option("--seed", default=10, show_default=True, type=int, help="Decides what is sent and who is killed when.")
@json_option
def intake(kills: int, webhooks: int, senders: int, seed: int, as_json: bool) -> None:
    """Storm the webhooks while processes are killed: nothing may be lost, doubled or wrongly believed.

    Runs in a temporary folder, or in a schema of its own in the PostgreSQL database that TENTH_SELFTEST_DATABASE_URL
    names. Exit code 1 when a promise was broken.

    \b
    Example:  tenth selftest intake --kills 3 --webhooks 400
    """
    result = try_intake(Plan(kills, webhooks, senders, seed), _say)
    _show(result, _intake_rows(result), as_json)


@selftest.command("replies")
@click.option("--replies", "number", type=click.IntRange(1, 900), help="Answers. [default: 300; with --url 5]")
@click.option("--kills", default=5, show_default=True, type=click.IntRange(0, 50), help="At each point.")
@click.option("--random-kills", default=20, show_default=True, type=click.IntRange(0, 200), help="At random.")
@click.option("--speed", default=20.0, show_default=True, type=click.FloatRange(1, 60), help="Of the trial's clock.")
@click.option("--seed", default=10, show_default=True, type=int, help="Decides what fails and who is killed when.")
@click.option("--url", help="Try a real server instead of the sandbox.")
@click.option("--connector", type=click.Choice(["mastodon", "discourse"]), help="What --url speaks.")
@click.option("--token", envvar="TENTH_SELFTEST_TOKEN", help="Access token (mastodon) or API key (discourse).")
@click.option("--username", help="The account that posts (discourse).")
@click.option("--category", type=int, help="Number of the category to post in (discourse).")
@click.option("--yes", is_flag=True, help="Post to --url without being asked.")
@json_option
def replies(number: int | None, kills: int, random_kills: int, speed: float, seed: int, **there: Any) -> None:
    """Send public answers while calls fail and processes are killed: each is posted once, or a person is asked.

    Three sandboxes take the calls: one honours an Idempotency-Key, one ignores it, one has none. Calls get no answer
    before or after their effect, or the effect comes 30 s after the call ended, or the answer is no use. Two managers
    sign in at the pages of a real `tenth run` and send. Its web and two workers are killed by SIGKILL before and after
    their commits and in the call; they, gunicorn's master and the supervisor also at random. Then the sandboxes' own
    books are read. Exit code 1 when an answer was doubled or lost.

    Desk and sandboxes live by one clock, --speed times as fast as ours, so that ten minutes of looking for a post take
    half a minute. Time-outs of calls are not scaled: a silent call is cut off by the sandbox after 15 s of that clock.
    --speed 1 is the true time.

    Runs in a temporary folder, or in a schema of its own in the PostgreSQL database that TENTH_SELFTEST_DATABASE_URL
    names.

    With --url: posts ONE NEW THREAD under the account of --token (unlisted on Mastodon, a new topic on Discourse) that
    says that it is a self-test, and answers it --replies times with a short text and a mark. Nothing else there is read
    or changed; only our own processes are killed; times are the true ones; the posts stay until you delete them. A
    forum may refuse many answers in a row by one account that is not staff.

    \b
    Examples: tenth selftest replies --replies 30 --kills 1 --random-kills 3
              tenth selftest replies --connector mastodon --url https://social.example.org --token TOKEN
    """
    as_json = there.pop("as_json")
    if there["url"] is None:
        result = try_replies(RepliesPlan(number or 300, kills, random_kills, speed, seed), _say)
    else:
        plan = RepliesPlan(number or REPLIES_THERE, min(kills, 1), min(random_kills, 2), 1.0, seed)
        result = try_server(_server(plan, **there), plan, _say)
    _show(result, _reply_rows(result), as_json)


@selftest.command("grants")
@click.option("--count", default=100, show_default=True, type=click.IntRange(0, 150), help="Grants while things fail.")
@click.option("--calm", default=40, show_default=True, type=click.IntRange(0, 100), help="Grants before that.")
@click.option("--kills", default=1, show_default=True, type=click.IntRange(0, 20), help="At each point.")
@click.option("--random-kills", default=12, show_default=True, type=click.IntRange(0, 200), help="At random.")
@click.option("--speed", default=5.0, show_default=True, type=click.FloatRange(1, 20), help="Of the trial's clock.")
@click.option("--calls", default=600, show_default=True, type=click.IntRange(30, 6000), help="Forum's limit a minute.")
@click.option("--seed", default=10, show_default=True, type=int, help="Decides what fails and who is killed when.")
@json_option
def grants(as_json: bool, **plan: Any) -> None:
    """Give, use and revoke grants while calls fail and processes are killed: nobody acts outside one.

    The experts are those whom `tenth rockstars` finds in the sandbox's community. A manager offers each of them a grant
    for a category on the pages of a real `tenth run`; they sign in with the forum's account, accept, moderate there,
    hide a message, are refused in the next category, and are revoked: refused by the desk, and by the forum itself,
    which each member is tried on with a key of their own. First with all platforms up, which says how long a revocation
    takes; then with a forum that fails, late effects, and processes killed at their commits, in their calls and at
    random. The forum keeps its own books of every change; those are held against who held which grant when.

    Exit code 1 on any act outside a grant, any right left on the forum, a refusal that is not in the audit log, or a
    broken audit chain. Seconds are those of a clock --speed times as fast as ours; --speed 1 is the true time. What is
    not scaled (sockets, starts, pauses of workers) counts as many times as much.

    Runs in a temporary folder, or in a schema of its own in the PostgreSQL database that TENTH_SELFTEST_DATABASE_URL
    names.

    \b
    Example:  tenth selftest grants --count 10 --calm 5 --random-kills 2
    """
    result = try_grants(GrantsPlan(**plan), _say)
    _show(result, _grant_rows(result), as_json)


def _server(
    plan: RepliesPlan,
    *,
    url: str,
    connector: str | None,
    token: str | None,
    username: str | None,
    category: int | None,
    yes: bool,
) -> Server:
    """The server that the options name, when whoever typed them means it."""
    if not connector or not token or (connector == "discourse" and not username):
        raise click.UsageError("--url needs --connector and --token; on Discourse --username, too.")
    click.echo(f"On {url} this posts: “{OPENING}” and {plan.replies} answers to it.", err=True)
    if not yes:
        click.confirm("Post them?", abort=True, err=True)
    if connector == "discourse":
        return Server(connector, {"url": url, "api_key": token, "api_username": username}, category)
    return Server(connector, {"url": url, "token": token})


def _say(words: str) -> None:
    click.echo(words, err=True)


def _show(result: Result | RepliesResult | GrantsResult, rows: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        print_json(result.to_json())
    else:
        click.echo("Every promise was kept." if result.good else "A PROMISE WAS BROKEN.")
        for name, words in rows.items():
            click.echo(f"  {name:<16}{words}")
    if not result.good:
        raise SystemExit(1)


def _intake_rows(result: Result) -> dict[str, str]:
    return {
        "kills": _counted(result.kills, result.killed),
        "good events": f"{result.sent} sent, {result.accepted} accepted, {result.stored} stored",
        "lost / doubled": f"{result.lost} / {result.doubled}",
        "bad webhooks": f"{result.bad} sent, {result.refused} refused",
        "import": f"{result.imported} messages, {result.import_lost} lost",
        "memory": f"{result.rss_growth_mb:+.1f} MB after the warm-up, at {result.calm_per_s:.0f} webhooks a second",
        "sent again": f"{result.retried} calls after a broken connection or an error",
        "stopped in": f"{result.stopped_s:.1f} s",
        "took": f"{result.seconds:.0f} s",
    }


def _reply_rows(result: RepliesResult) -> dict[str, str]:
    found = {
        "approved": str(result.approved),
        "posted": str(result.posted),
        "waiting": f"{result.waiting} for a person, with the reason; {result.there} of them are there all the same",
        "returned": f"{result.returned} came back with the reason",
        "doubled / lost": f"{result.doubled} / {result.lost}",
        "astray": f"{result.astray} where desk and platform disagree",
        "kills": _counted(result.kills, result.killed),
        "spoiled calls": _counted(sum(result.spoiled.values()), result.spoiled),
    }
    for mode, tally in result.modes.items():
        words = ", ".join(f"{tally[name]} {name}" for name in ("approved", "posted", "waiting", "doubled", "lost"))
        found[f"key {mode}" if mode in MODES else mode] = words
    return found | {"took": f"{result.seconds:.0f} s, by a clock {result.speed:g} times as fast"}


def _grant_rows(result: GrantsResult) -> dict[str, str]:
    found = {
        "grants": f"{result.grants}, of {result.experts} experts in {result.communities} categories",
        "acts": f"{result.acts} on the forum; {result.undone} ordered and not carried out",
        "acts outside": str(result.acts_outside),
        "refused": f"{result.refused}, of which {result.unaudited} are not in the audit log",
        "revoked in": f"{result.revoke_p50_s:.1f} s (p50), {result.revoke_p99_s:.1f} s (p99) of {result.revoked}",
        "while it fails": f"{result.stormy_revoke_p50_s:.1f} s (p50), {result.stormy_revoke_p99_s:.1f} s (p99)"
        f" of {result.stormy_revoked}",
        "rights left": str(result.rights_left_on_platform),
        "audit chain": "whole" if result.chain_ok else "BROKEN",
        "astray": f"{result.astray} where desk and forum disagree",
        "kills": _counted(result.kills, result.killed),
        "spoiled calls": _counted(result.faults, result.spoiled),
        "limits": ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in result.limits.items()),
    }
    broken = [*result.outside, *result.left, *result.wrong]
    found |= {f"broken {number}": words for number, words in enumerate(broken, 1)}
    return found | {"took": f"{result.seconds:.0f} s, by a clock {result.speed:g} times as fast"}


def _counted(total: int, parts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in sorted(parts.items()))
    return f"{total} ({listed or 'none'})"


COMMANDS = (selftest,)
