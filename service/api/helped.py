"""Whether it helped, for programs: `GET /api/v1/helped`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint

from service.api import visible
from service.api.bearer import current_client, current_deps
from service.api.helped_shapes import HelpedOut, HelpedQuery
from service.api.problems import Problem
from service.api.v1 import secured
from service.usecases.helped import helped as measured
from service.usecases.helped_json import report_json

helped_api = APIBlueprint("api_helped", __name__, url_prefix="/api/v1")


@helped_api.get("/helped")
@secured("queue:read")
@helped_api.input(HelpedQuery, location="query")
@helped_api.output(HelpedOut)
def helped(query_data: HelpedQuery) -> Any:
    """Feelings before and after the answer, response times, targets met, in the communities this client may see."""
    deps, client = current_deps(), current_client()
    seen = {place.id for place in visible.communities(deps, client)}
    if query_data.community is not None:
        if query_data.community not in seen:
            raise Problem(404, "There is no such community.")
        seen = {query_data.community}
    whole = query_data.community is None and client.may(visible.SCOPE)
    since = deps.now() - timedelta(days=query_data.days)
    return HelpedOut.model_validate(report_json(measured(deps, since, None if whole else seen)))
