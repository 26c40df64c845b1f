"""Drafts of answers by programs: `/api/v1/replies`. They are never sent from here; a person takes each over, or not."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from moderation.errors import BadInput, NotAllowed
from moderation.guards.words import in_words
from service.api import visible
from service.api.bearer import current_client, current_deps
from service.api.problems import Problem
from service.api.reply_shapes import DraftIn, DraftOut, DraftPath, DraftQuery, DraftsOut, DraftsQuery, FindingOut
from service.api.v1 import paged, secured
from service.usecases import drafts
from service.usecases.drafts import Draft
from service.usecases.wording import Words

SCOPE = "replies:draft"

replies_api = APIBlueprint("api_replies", __name__, url_prefix="/api/v1")


@replies_api.post("/replies")
@secured(SCOPE)
@replies_api.input(DraftIn)
@replies_api.output(DraftOut)
def write_draft(json_data: DraftIn) -> Any:
    """Leaves a draft of a public answer for a person to read and send; says what the guards find in it.

    It answers what the conversation's case is about. A program has one open draft in a conversation: other words
    replace it, the same words change nothing, and words that a person took over already are not kept again. So a call
    without an answer may be made again.
    """
    deps, client, given = current_deps(), current_client(), json_data
    if not visible.sees_thread(deps, client, given.thread_id):
        raise Problem(404, "There is no such conversation.")
    words = Words(given.text, given.content_warning, given.visibility, given.language)
    try:
        return _out(drafts.write_draft(deps, client, given.thread_id, words, given.account or ""), given.locale)
    except NotAllowed as refused:
        raise Problem(403, str(refused)) from None


@replies_api.get("/replies")
@secured(SCOPE)
@replies_api.input(DraftsQuery, location="query")
@replies_api.output(DraftsOut)
def list_drafts(query_data: DraftsQuery) -> Any:
    """What this program drafted, the newest first, and what became of it."""
    found = drafts.drafts(current_deps(), current_client(), query_data.before, query_data.size)
    following = str(found[-1].id) if len(found) == query_data.size else None
    body = DraftsOut(items=[_out(one, query_data.locale) for one in found], next=following)
    return paged(body, "before", following)


@replies_api.get("/replies/<reply_id>")
@secured(SCOPE)
@replies_api.input(DraftPath, location="path")
@replies_api.input(DraftQuery, location="query")
@replies_api.output(DraftOut)
def read_draft(path_data: DraftPath, query_data: DraftQuery, **_path: str) -> Any:
    """One draft of this program, and what became of it."""
    try:
        return _out(drafts.draft(current_deps(), current_client(), path_data.reply_id), query_data.locale)
    except BadInput as error:
        raise Problem(404, str(error)) from None


def _out(draft: Draft, locale: str) -> DraftOut:
    findings = [
        FindingOut(guard=str(f.guard), final=f.final, text=in_words(f, locale), start=f.start, end=f.end)
        for f in draft.findings
    ]
    told = {name: getattr(draft, name) for name in DraftOut.model_fields if name != "findings"}
    return DraftOut(**told, findings=findings)
