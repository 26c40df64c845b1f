"""Redress for programs to read: statements of reasons, without personal data, and appeals. Deciding is for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint

from service.api import visible
from service.api.bearer import current_client, current_deps
from service.api.redress_shapes import AppealOut, AppealsOut, AppealsQuery, StatementsOut, StatementsQuery
from service.api.v1 import paged, secured
from service.usecases import appealed, statements

appeals_api = APIBlueprint("api_appeals", __name__, url_prefix="/api/v1")


@appeals_api.get("/statements")
@secured("statements:read")
@appeals_api.input(StatementsQuery, location="query")
@appeals_api.output(StatementsOut)
def list_statements(query_data: StatementsQuery) -> Any:
    """Statements of reasons as the DSA Transparency Database takes them, a hundred in a call at most."""
    q = query_data
    found = list(statements.export(current_deps(), _utc(q.since), _utc(q.until), q.after, q.size))
    following = str(found[-1][0]) if len(found) == q.size else None
    return paged(StatementsOut(statements=[one for _, one in found], next=following), "after", following)


@appeals_api.get("/appeals")
@secured("appeals:read")
@appeals_api.input(AppealsQuery, location="query")
@appeals_api.output(AppealsOut)
def list_appeals(query_data: AppealsQuery) -> Any:
    """Appeals against decisions in conversations that this client may see."""
    deps, client = current_deps(), current_client()
    found = appealed.appeals(deps, states=(query_data.state,) if query_data.state else ())
    seen = [one for one in found if visible.sees_thread(deps, client, one.thread_id)]
    return AppealsOut(items=[_out(one) for one in seen])


def _out(one: appealed.ForJudge) -> AppealOut:
    kept = {name: getattr(one, name) for name in AppealOut.model_fields if hasattr(one, name)}
    return AppealOut(**kept, kind=str(one.reasons.kind), rule=one.reasons.rule, reason=one.reasons.reason)


def _utc(at: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
