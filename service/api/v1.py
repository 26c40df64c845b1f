"""Version 1 of the API: read the queue, conversations and connections; retry, stop, score."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from apiflask import APIBlueprint
from flask import Response, request

from moderation.errors import BadInput
from moderation.scoring.contract import Score, Text
from moderation.words import reasons_in_words
from service.api import shapes, visible
from service.api.bearer import SCHEME, current_client, current_deps, needs
from service.api.problems import Problem
from service.api.quality_shapes import QualitiesOut
from service.deps import Deps
from service.usecases import deadletters, health, switches
from service.usecases.clients import Client
from service.usecases.conversation import thread_page
from service.usecases.quality import quality as measured
from service.usecases.queue import Queue

EXPORT_PAGE = 200

api = APIBlueprint("api", __name__, url_prefix="/api/v1")

View = Callable[..., Any]


def secured(scope: str) -> Callable[[View], View]:
    """`needs`, and said so in the OpenAPI document."""

    def decorate(view: View) -> View:
        described: View = api.doc(security=[{SCHEME: []}], extensions={"x-scope": scope})(view)
        return needs(scope)(described)

    return decorate


@api.get("/queue")
@secured("queue:read")
@api.input(shapes.QueueQuery, location="query")
@api.output(shapes.QueueOut)
def queue(query_data: shapes.QueueQuery) -> Any:
    """A page of the queue, highest priority first."""
    q, deps, client = query_data, current_deps(), current_client()
    _must_see_community(deps, client, q.community)
    found = visible.page(deps, client, q.lane, q.locale, q.after or "", q.size, q.community)
    body = {"line": found.line, "items": found.items, "next": found.after}
    return paged(shapes.QueueOut.model_validate(body), "after", found.after)


@api.get("/queue/export")
@secured("queue:read")
@api.input(shapes.ExportQuery, location="query")
@api.output(shapes.ExportOut)
def export(query_data: shapes.ExportQuery) -> Any:
    """The whole queue above the line, in the fixed shape of `tenth queue --json`."""
    q, deps, client = query_data, current_deps(), current_client()
    _must_see_community(deps, client, q.community)
    first = visible.page(deps, client, "needs", q.locale, "", EXPORT_PAGE, q.community)
    return Response(_export_text(deps, client, q, first), content_type="application/json")


@api.get("/threads/<thread_id>")
@secured("threads:read")
@api.input(shapes.ThreadPath, location="path")
@api.input(shapes.ThreadQuery, location="query")
@api.output(shapes.ThreadOut)
def thread(path_data: shapes.ThreadPath, query_data: shapes.ThreadQuery, **_path: str) -> Any:
    """A conversation with its case, its newest 400 messages."""
    deps = current_deps()
    if not visible.sees_thread(deps, current_client(), path_data.thread_id):
        raise Problem(404, "There is no such conversation.")
    try:
        found = thread_page(deps, path_data.thread_id, query_data.locale)
    except BadInput as error:
        raise Problem(404, str(error)) from None
    return shapes.ThreadOut.model_validate(found)


@api.get("/threads")
@secured("threads:read")
@api.input(shapes.FindThreadQuery, location="query")
@api.output(shapes.ThreadRefsOut)
def threads(query_data: shapes.FindThreadQuery) -> Any:
    """Conversations by the platform's own id, at most 100."""
    found = visible.find_threads(current_deps(), current_client(), query_data.remote_id, query_data.connection)
    return shapes.ThreadRefsOut.model_validate({"items": found})


@api.get("/communities")
@secured("queue:read")
@api.output(shapes.CommunitiesOut)
def communities() -> Any:
    """The communities that this client may see."""
    return shapes.CommunitiesOut.model_validate({"items": visible.communities(current_deps(), current_client())})


@api.get("/quality")
@secured("queue:read")
@api.output(QualitiesOut)
def quality() -> Any:
    """What the line found and missed in the communities that this client may see, and what it learned."""
    seen = {place.id for place in visible.communities(current_deps(), current_client())}
    return QualitiesOut.model_validate({"items": [q.to_json() for q in measured(current_deps()) if q.id in seen]})


@api.get("/connections")
@secured("connections:read")
@api.output(shapes.ConnectionsOut)
def connections() -> Any:
    """Every connection and its state; no settings, no credentials."""
    return shapes.ConnectionsOut.model_validate({"items": health.connections(current_deps())})


@api.get("/deliveries/dead")
@secured("deliveries:write")
@api.input(shapes.DeadQuery, location="query")
@api.output(shapes.DeadPageOut)
def dead(query_data: shapes.DeadQuery) -> Any:
    """Deliveries that could not be read, the newest first."""
    found, before = deadletters.dead_letters(current_deps(), query_data.before, query_data.size)
    position = str(before) if before is not None else None
    return paged(shapes.DeadPageOut.model_validate({"items": found, "next": position}), "before", position)


@api.post("/deliveries/dead/retry")
@secured("deliveries:write")
@api.input(shapes.RetryIn)
@api.output(shapes.RetriedOut)
def retry(json_data: shapes.RetryIn) -> Any:
    """Gives dead deliveries new tries."""
    return {"retried": deadletters.retry(current_deps(), current_client().actor, json_data.ids)}


@api.get("/stop")
@secured("")
@api.output(shapes.StopOut)
def stop() -> Any:
    """Whether the global stop is on: nothing leaves Tenth while it is. Any client may know."""
    return _stop(current_deps())


@api.put("/stop")
@secured("switch:write")
@api.input(shapes.StopIn)
@api.output(shapes.StopOut)
def set_stop(json_data: shapes.StopIn) -> Any:
    """Pulls or lifts the global stop."""
    deps = current_deps()
    switches.set_stop(deps, json_data.stopped, current_client().actor, json_data.reason)
    return _stop(deps)


@api.post("/score")
@secured("score")
@api.input(shapes.ScoreIn)
@api.output(shapes.ScoresOut)
def score(json_data: shapes.ScoreIn) -> Any:
    """Scores texts, in their order; nothing is kept."""
    scores = current_deps().scorer.score([Text(t) for t in json_data.texts])
    return shapes.ScoresOut(scores=[_score_out(s, json_data.locale) for s in scores])


def _must_see_community(deps: Deps, client: Client, community: int | None) -> None:
    if community is not None and not visible.sees_community(deps, client, community):
        raise Problem(404, "There is no such community.")


def paged(body: Any, position: str, value: str | None) -> Any:
    """The page, with its successor's address in a Link header (RFC 8288)."""
    if value is None:
        return body
    following = urlencode({**request.args.to_dict(), position: value})
    return body, 200, {"Link": f'<{request.path}?{following}>; rel="next"'}


def _export_text(deps: Deps, client: Client, q: shapes.ExportQuery, first: Queue) -> Iterator[str]:
    """Page by page, so that a long queue is never held as a whole."""
    head = Queue(first.line, ()).to_json()
    head.pop("items")
    yield json.dumps(head)[:-1] + ', "items": ['
    page, comma = first, ""
    while True:
        for item in page.items:
            yield comma + json.dumps(item.to_json())
            comma = ", "
        if page.after is None:
            break
        page = visible.page(deps, client, "needs", q.locale, page.after, EXPORT_PAGE, q.community)
    yield "]}"


def _stop(deps: Deps) -> dict[str, Any]:
    with deps.store.read() as session:
        return {"stopped": switches.is_stopped(session), "since": switches.stopped_since(session)}


def _score_out(found: Score, locale: str) -> shapes.ScoreOut:
    reasons = [shapes.ReasonOut.model_validate(r) for r in reasons_in_words([], found.reasons, 0, locale)]
    return shapes.ScoreOut(
        toxicity=found.toxicity,
        urgency=found.urgency,
        sentiment=found.sentiment,
        language=found.language,
        rules=list(found.rules),
        reasons=reasons,
        classes=dict(found.classes),
        intents=dict(found.intents),
        scorer=found.scorer,
    )
