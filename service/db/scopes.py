"""Where a grant holds, as a condition on rows: what `moderation.grants.Scope.covers` says of one place, in SQL."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, SQLColumnExpression, Text, and_, cast, or_

from moderation.grants import Scope
from service.db.models import Thread


def within(
    scope: Scope,
    connection: SQLColumnExpression[int],
    community: SQLColumnExpression[int] | SQLColumnExpression[int | None],
) -> ColumnElement[bool]:
    """Rows that lie in a scope, by their own columns; `Thread` is joined to them, for its tags."""
    here: list[ColumnElement[bool]] = [connection == scope.connection]
    if scope.community is not None:
        here.append(community == scope.community)
    if scope.tag:
        here.append(_bears(scope.tag))
    return and_(*here)


def _bears(tag: str) -> ColumnElement[bool]:
    """A text of a list as JSON begins after a bracket or a space; a quote inside of one stands after a backslash."""
    tags, text = cast(Thread.tags, Text), json.dumps(tag)
    return or_(*(tags.contains(before + text, autoescape=True) for before in "[ "))
