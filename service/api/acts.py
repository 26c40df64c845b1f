"""Acts of moderation and grants: `/api/v1/actions`, `/api/v1/grants`. What a program asks for waits for a person."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from moderation.errors import NotAllowed
from moderation.model import Capability
from service.api import visible
from service.api.act_shapes import ActIn, ActOut, ActsOut, ActsQuery, GrantsOut, GrantsQuery
from service.api.bearer import current_client, current_deps
from service.api.problems import Problem
from service.api.v1 import paged, secured
from service.usecases import acted, granted, seconding
from service.usecases.wishing import Wish

acts_api = APIBlueprint("api_acts", __name__, url_prefix="/api/v1")


@acts_api.post("/actions")
@secured(seconding.SCOPE)
@acts_api.input(ActIn)
@acts_api.output(ActOut)
def ask_for_act(json_data: ActIn) -> Any:
    """Asks for an act. No program acts on a platform: it waits, a day at most, until a person makes it their own."""
    deps, client, given = current_deps(), current_client(), json_data
    moves_out = given.to is not None and not visible.sees_community(deps, client, given.to)
    if moves_out or not visible.sees_thread(deps, client, given.thread_id):
        raise Problem(404, "There is no such conversation.")
    fields = given.model_dump(exclude={"kind"})
    try:
        action_id = seconding.propose(deps, Wish(kind=Capability(given.kind), **fields), client)
    except NotAllowed as refused:
        raise Problem(403, str(refused)) from None
    return ActOut.model_validate(acted.act_numbered(deps, action_id))


@acts_api.get("/actions")
@secured("actions:read")
@acts_api.input(ActsQuery, location="query")
@acts_api.output(ActsOut)
def list_acts(query_data: ActsQuery) -> Any:
    """Acts and what became of them, the newest first, in the communities that this client may see."""
    deps, q = current_deps(), query_data
    seen = {place.id for place in visible.communities(deps, current_client())}
    if q.community is not None and q.community not in seen:
        raise Problem(404, "There is no such community.")
    found = acted.acts(deps, {q.community} if q.community is not None else seen, q.before, q.size)
    following = str(found[-1].id) if len(found) == q.size else None
    return paged(ActsOut.model_validate({"items": found, "next": following}), "before", following)


@acts_api.get("/grants")
@secured("grants:read")
@acts_api.input(GrantsQuery, location="query")
@acts_api.output(GrantsOut)
def list_grants(query_data: GrantsQuery) -> Any:
    """Grants in the communities that this client may see, and those for a whole connection."""
    deps = current_deps()
    seen = {(place.connection, place.name) for place in visible.communities(deps, current_client())}
    found = granted.grants(deps, [query_data.state] if query_data.state else [])
    shown = [one for one in found if not one.community or (one.connection, one.community) in seen]
    return GrantsOut.model_validate({"items": shown})
