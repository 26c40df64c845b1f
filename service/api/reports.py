"""Reports by members: `/api/v1/reports`. Programs read and decide them; nothing leaves without a person."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from moderation.errors import NotAllowed
from moderation.reports import Verdict
from service.api import visible
from service.api.bearer import current_client, current_deps
from service.api.problems import Problem
from service.api.report_shapes import DecidedOut, DecisionIn, ReportPath, ReportsOut, ReportsQuery
from service.api.v1 import secured
from service.deps import Deps
from service.usecases.clients import Client
from service.usecases.drafts import as_person
from service.usecases.report_deciding import Ruling, decide
from service.usecases.report_subjects import AlreadyDecided
from service.usecases.reports import Group, open_subjects

reports_api = APIBlueprint("api_reports", __name__, url_prefix="/api/v1")


@reports_api.get("/reports")
@secured("reports:read")
@reports_api.input(ReportsQuery, location="query")
@reports_api.output(ReportsOut)
def list_reports(query_data: ReportsQuery) -> Any:
    """What members reported and nobody decided, by subject, the most pressing first."""
    deps, client, q = current_deps(), current_client(), query_data
    if q.community is not None and not visible.sees_community(deps, client, q.community):
        raise Problem(404, "There is no such community.")
    found = [group for group in _seen(deps, client) if q.community in (None, group.community_id)]
    return ReportsOut.model_validate({"items": found[: q.size], "total": len(found)})


@reports_api.post("/reports/<report_id>/decision")
@secured("reports:decide")
@reports_api.input(ReportPath, location="path")
@reports_api.input(DecisionIn)
@reports_api.output(DecidedOut)
def decide_reports(path_data: ReportPath, json_data: DecisionIn, **_path: str) -> Any:
    """Decides about every open report of the subject that this one is about.

    Never about staff or whoever holds rights. A program has no right on a platform: a person closes the reports there.
    """
    deps, client, given = current_deps(), current_client(), json_data
    if all(path_data.report_id not in {one.id for one in group.complaints} for group in _seen(deps, client)):
        raise Problem(404, "There is no such open report.")
    with deps.store.write() as session:
        program = as_person(deps, session, client)
    try:
        return {"id": decide(deps, path_data.report_id, Ruling(Verdict(given.verdict), given.reason), program)}
    except NotAllowed as refused:
        raise Problem(403, str(refused)) from None
    except AlreadyDecided as late:
        raise Problem(409, str(late)) from None


def _seen(deps: Deps, client: Client) -> list[Group]:
    """What a client may see; a post that was not read here may stand in a restricted community."""
    places = {place.id for place in visible.communities(deps, client)}
    everywhere = client.may(visible.SCOPE)
    return [
        group
        for group in open_subjects(deps)
        if group.community_id in places or (group.community_id is None and (everywhere or not group.unread))
    ]
