"""The queue: list, thread and reasons are one page; a thread has an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import allows
from moderation.words import Spoken
from service.usecases import answers, cases, clocks, composing, desk, drafts, granted, presence, teams
from service.usecases.conversation import ThreadPage, thread_page
from service.usecases.people import Known
from service.usecases.queue import LANES, Item, Queue, queue_page
from service.usecases.seeing import mark_seen
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.pages.helped import due_badge

#: Rows shown under the line; the rest has a list of its own.
BELOW = 6


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address asks for."""

    lane: str
    community: int | None
    after: str
    thread: int | None
    team: str = ""

    def link(self, **changes: Any) -> str:
        """The address of the queue with something else chosen."""
        wanted: dict[str, Any] = {"lane": self.lane, "community": self.community, "after": self.after or None}
        wanted |= {"team": self.team or None} | changes
        if wanted["lane"] == "needs":
            wanted["lane"] = None
        return url_for("web.queue", **wanted)


@web.get("/")
@needs(Capability.ACCOUNT)
def home() -> ResponseReturnValue:
    """Where somebody is taken who asked for no page: to what they may see, or was offered."""
    return redirect(url_for(_first_page(me())))


def _first_page(person: Known) -> str:
    if allows(person.asking, Capability.SEE):
        return "web.queue"
    if person.grants:
        return "web.keep"
    return "web.all_grants" if granted.mine(deps(), person) else "web.account"


@web.get("/queue")
@needs(Capability.SEE)
def queue() -> ResponseReturnValue:
    args = request.args
    lane = args.get("lane", "needs")
    if lane not in LANES:
        abort(404)
    community, thread = args.get("community", type=int), args.get("thread", type=int)
    return _show(Chosen(lane, community, args.get("after", ""), thread, args.get("team", "")))


@web.get("/threads/<int:thread_id>")
@needs(Capability.SEE)
def thread(thread_id: int) -> ResponseReturnValue:
    return _show(Chosen("needs", None, "", thread_id))


@web.get("/queue/news")
@needs(Capability.SEE)
def news() -> ResponseReturnValue:
    """How many came above the line since the page was made: small, and unchanged most of the time."""
    try:
        since = datetime.fromtimestamp(int(request.args["since"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        abort(400)
    of = _teams(request.args.get("team", ""))
    count = desk.new_since(deps(), since, request.args.get("community", type=int), of)
    words = ngettext("%(num)s new · show", "%(num)s new · show", count) if count else ""
    response: Response = jsonify({"new": count, "words": words})
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _show(chosen: Chosen) -> str:
    places = desk.places(deps())
    if chosen.community is not None and chosen.community not in {p.id for p in places}:
        abort(404)
    of = _teams(chosen.team)
    found = queue_page(deps(), chosen.lane, language.locale(), chosen.after, community=chosen.community, teams=of)
    items = sorted(found.items, key=lambda i: i.lane != "always")
    open_id = chosen.thread or (items[0].thread_id if items else None)
    page = _thread(open_id) if open_id else None
    mark_seen(deps(), [*items, *([page.item] if page else [])])
    below = _below(chosen, found)
    if page and chosen.thread is not None:
        presence.look(deps(), page.item.case_id, me())
    sources = desk.sources(deps())
    return render_template(
        "queue.html",
        chosen=chosen,
        queue=found,
        items=items,
        below=below,
        counts=desk.lane_counts(deps(), chosen.community, of),
        teams=teams.teams(deps()),
        dues=clocks.due(deps(), [i.case_id for i in items]),
        alerts=clocks.alerts(deps(), me()),
        due_badge=due_badge,
        marks=teams.marks_of(deps(), [i.case_id for i in (*items, *(below.items if below else ()))]),
        places=places,
        place=next((p for p in places if p.id == chosen.community), None),
        page=page,
        item=page.item if page else None,
        opened=chosen.thread is not None,
        reasons=_reasons(page) if page else [],
        history=cases.history(deps(), page.item.case_id) if page else [],
        following=_following(items, open_id),
        sources=sources,
        broken=[s for s in sources if s.broken],
        undo=waiting_undo(),
        made=int(deps().now().timestamp()),
        parents={m.remote_id: m for m in page.messages} if page else {},
        **_answering(page),
    )


def _teams(chosen: str) -> list[int] | None:
    """The teams whose queue is asked for: one, the reader's own (`mine`), or no matter which (None)."""
    if chosen == "mine":
        return teams.teams_of(deps(), me().id)
    return [int(chosen)] if chosen.isdecimal() and len(chosen) < 10 else None


def _thread(thread_id: int) -> ThreadPage:
    try:
        return thread_page(deps(), thread_id, language.locale())
    except BadInput:
        abort(404)


def _answering(page: ThreadPage | None) -> dict[str, Any]:
    """What the brand said from here, and whether this person may say more."""
    if page is None:
        return {"answers": (), "own_answer": None, "voices": (), "held": None}
    person, case_id = me(), page.item.case_id
    writes = allows(person.asking, Capability.DRAFT)
    return {
        "answers": answers.answers(deps(), page.item.thread_id, person),
        "own_answer": composing.own_answer(deps(), case_id, person) if writes else None,
        "voices": composing.voices(deps(), case_id, person) if writes else (),
        "held": answers.held(deps(), person) if writes else None,
        "offered": writes and drafts.offered(deps(), case_id, person),
    }


def _below(chosen: Chosen, found: Queue) -> Queue | None:
    """The first ones under the line, once the list has come down to it."""
    if chosen.lane != "needs" or found.after:
        return None
    of = _teams(chosen.team)
    return queue_page(deps(), "left", language.locale(), size=BELOW, community=chosen.community, teams=of)


def _reasons(page: ThreadPage) -> list[Spoken]:
    """The strongest three for, and one against: who reads only reasons for acting acts too often."""
    every = {r.text: r for r in (*page.item.reasons, *page.because)}
    speak_for = [r for r in every.values() if not r.against][:4]
    against = [r for r in every.values() if r.against][:1]
    return speak_for + against


def _following(items: list[Item], open_id: int | None) -> int | None:
    """The thread that comes after the open one, where a decision leads."""
    ids = [i.thread_id for i in items]
    if open_id not in ids:
        return None
    at = ids.index(open_id)
    rest = ids[at + 1 :] + ids[:at]
    return rest[0] if rest else None


def waiting_undo() -> cases.Done | None:
    """The decision that can still be taken back."""
    kept = session.get("undo")
    if not kept:
        return None
    done = cases.Done.from_json(kept)
    return done if deps().now() - done.at <= cases.UNDO else None
