"""`tenth triage`: why a thread stands where it stands, the past with other settings, what was learned and missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from moderation.evaluation.metrics import Estimate
from moderation.learned import learned_in_words
from moderation.quality import ENOUGH
from service.cli.base import actor, deps, json_option, print_json, read_time
from service.usecases import learning
from service.usecases.conversation import find_thread
from service.usecases.explaining import PLACES, Explained
from service.usecases.explaining import explain as explained
from service.usecases.quality import Learned, Quality
from service.usecases.quality import quality as measured
from service.usecases.replay import WEIGHTS, Ref, Replayed, Settings
from service.usecases.replay import replay as replayed
from service.usecases.triage import triage_due

_STATES = {
    "active": "in use",
    "refused": "not in use: the shipped weights rank as well or better",
    "reverted": "not in use: somebody put the shipped weights back",
    "replaced": "replaced",
}


@click.group("triage")
def triage() -> None:
    """Look into the line: explain it, replay it, measure it, put back what it learned."""


@triage.command("explain")
@click.argument("thread_id", metavar="THREAD")
@click.option("--connection", default="", help="The connection, when several have this id.")
@click.option("--locale", default="en", type=click.Choice(["en", "fr"]), help="Language of the reasons.")
@json_option
def explain(thread_id: str, connection: str, locale: str, as_json: bool) -> None:
    """Say why a thread stands where it stands (THREAD is the platform's own id).

    \b
    Example:  tenth triage explain 512 --connection brava-forum
    """
    d = deps()
    triage_due(d)
    with d.store.read() as session:
        number = find_thread(session, thread_id, connection)
    found = explained(d, number, locale)
    if as_json:
        print_json(found.to_json())
    else:
        _explain(found)


def _explain(found: Explained) -> None:
    click.echo(f"{found.title or found.thread}  ({found.connection} · {found.community})")
    click.echo(f"{PLACES[found.place][0].upper()}{PLACES[found.place][1:]}.")
    shipped = f" (by the shipped weights {found.shipped_priority:.3f})" if found.learned else ""
    click.echo(
        f"priority {found.priority:.3f}{shipped}, the line is at {found.line:.3f}, as of {found.as_of:%Y-%m-%d %H:%M}"
    )
    click.echo(f"\n{'reason':<40} {'shipped':>8} {'learned':>8}")
    for reason in found.reasons:
        click.echo(f"{reason.words:<40} {reason.shipped:>+8.2f} {reason.learned:>+8.2f}")
    click.echo("\nfacts")
    for name, value in found.facts.to_json().items():
        if value and name not in ("recent", "marked"):
            click.echo(f"  {name.replace('_', ' '):<18} {_fact(name, value)}")


def _fact(name: str, value: Any) -> str:
    if name.endswith("_at"):
        return _time(datetime.fromtimestamp(value, UTC))
    return ", ".join(value) if isinstance(value, tuple) else f"{value:.2f}" if isinstance(value, float) else str(value)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M %Z")


@triage.command("replay")
@click.option("--from", "start", required=True, help="The first moment (ISO 8601).")
@click.option("--to", "end", required=True, help="The last moment (ISO 8601).")
@click.option(
    "--every", default=24.0, type=click.FloatRange(min=0.1), show_default=True, help="Hours between two looks."
)
@click.option("--community", default="", help="Only this one: its name, number or connection/name.")
@click.option("--budget", type=float, default=None, help="The share of threads, such as 0.05.")
@click.option("--weights", type=click.Choice(WEIGHTS), default=None, help="Other weights than those in use then.")
@json_option
def replay(
    start: str, end: str, every: float, community: str, budget: float | None, weights: str | None, as_json: bool
) -> None:
    """Say what would have been surfaced with other settings, beside what the settings of the time surfaced.

    Both lines are drawn anew from the messages, at each moment; what people held, saw or decided is left out of both.

    \b
    Example:  tenth triage replay --from 2026-11-01 --to 2026-11-08 --budget 0.05
              tenth triage replay --from 2026-11-01 --to 2026-11-08 --weights shipped
    """
    d = deps()
    number = None
    if community:
        with d.store.read() as session:
            number = learning.find_community(session, community)
    times = read_time(start), read_time(end)
    found = replayed(d, *times, Settings(budget, weights), number, timedelta(hours=every))
    if as_json:
        print_json({"communities": [r.to_json() for r in found]})
        return
    for one in found:
        _replay(one)


def _replay(found: Replayed) -> None:
    click.echo(f"{found.community}: {found.steps} moments")
    click.echo(f"  surfaced then {found.was}, with these settings {found.would}, both {found.both}")
    if found.needed:
        click.echo(
            f"  people said of {found.needed} that they needed the brand: "
            f"then {found.was_needed} of them surfaced, with these settings {found.would_needed}"
        )
    for words, refs in (("only then", found.only_was), ("only with these settings", found.only_would)):
        for ref in refs[:20]:
            click.echo(f"  {words}: {ref.title or ref.thread}{_verdict(ref)}")
        if len(refs) > 20:
            click.echo(f"  … and {len(refs) - 20} more (--json has all)")


def _verdict(ref: Ref) -> str:
    return "" if ref.needed is None else " (needed the brand)" if ref.needed else " (was left)"


@triage.command("quality")
@json_option
def quality(as_json: bool) -> None:
    """Show what the line found and missed, whether people agree, and what it learned.

    \b
    Example:  tenth triage quality --json
    """
    found = measured(deps())
    if as_json:
        print_json({"communities": [q.to_json() for q in found]})
        return
    for one in found:
        _quality(one)


def _quality(found: Quality) -> None:
    counts, same = found.counts, found.agreement
    click.echo(f"{found.connection}/{found.name}")
    click.echo(f"  share: {found.share:.1%} of {found.threads} threads, {found.allowed:.0%} allowed")
    click.echo(f"  recall: {_recall(found.recall, counts.judged)}")
    click.echo(
        f"  found {counts.found}, brought up by hand {counts.by_hand}; "
        f"of {counts.judged} samples from below the line {counts.needed} needed the brand"
    )
    kappa = f", kappa {same.kappa:.2f}" if same.kappa is not None else ""
    click.echo(f"  agreement: {same.same} of {same.pairs} pairs of decisions{kappa}")
    if found.alarm:
        click.echo(f"  alarm: rules fired in {found.alarm.count} threads in a day, {found.alarm.usual:g} are usual")
    click.echo(f"  decisions: {found.decisions}")
    if found.learned:
        _learned(found.learned)


def _recall(found: Estimate | None, judged: int) -> str:
    if found is None:
        return f"not enough judgements yet ({judged} of {ENOUGH})"
    return f"{found.value:.0%} (95%: {found.low:.0%} to {found.high:.0%})"


def _learned(found: Learned) -> None:
    few = "not in use: too few decisions of each kind" if found.reason == "few" else _STATES[found.state]
    click.echo(f"  learned from {found.decisions} decisions, {few}")
    if found.prior_auc is not None and found.tuned_auc is not None:
        click.echo(
            f"  on {found.judged} later decisions: shipped {found.prior_auc:.3f}, learned {found.tuned_auc:.3f} (AUC)"
        )
    for said in learned_in_words(found.tuning, "en"):
        click.echo(f"    - {said.text}")


@triage.command("revert")
@click.argument("community")
def revert(community: str) -> None:
    """Put the shipped weights back (COMMUNITY is its name, number or connection/name).

    \b
    Example:  tenth triage revert brava-forum/Repairs
    """
    d = deps()
    with d.store.read() as session:
        number = learning.find_community(session, community)
    learning.revert(d, number, actor())
    click.echo("The shipped weights are back; the next decisions are learned from as before.")


COMMANDS = (triage,)
