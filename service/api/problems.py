"""Errors as RFC 9457 says: `application/problem+json` with type, title, status, detail, instance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from apiflask import HTTPError
from flask import Response, request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from moderation.errors import BadInput
from service.db.inbox_writer import NotStored

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def response(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """A problem as a response; `more` are members of its own, such as the fields that are wrong."""
    body = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": request.path,
        **more,
    }
    return Response(json.dumps(body), status, dict(headers or {}), content_type=MEDIA_TYPE)


def from_exception(error: Exception) -> Response:
    """The problem that an exception is. What nobody foresaw says nothing of our insides; the log has it."""
    if isinstance(error, Problem):
        return response(error.status, error.detail, error.headers)
    if isinstance(error, NotStored):
        return response(503, str(error), {"Retry-After": str(error.retry_after)})
    if isinstance(error, BadInput):
        return response(422, str(error))
    if isinstance(error, HTTPError):
        return _from_validation(error)
    if isinstance(error, HTTPException):
        return _from_werkzeug(error)
    log.error("api.failed", path=request.path, exc_info=error)
    return response(500, "Something went wrong here; it was written down.")


def _from_validation(error: HTTPError) -> Response:
    if error.status_code >= 500:
        return response(error.status_code, "Something went wrong here.")
    more = {"errors": error.detail} if error.detail else {}
    return response(error.status_code, str(error.message or ""), **more)


def _from_werkzeug(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        found = error.get_response(request.environ)
        assert isinstance(found, Response)
        return found
    headers = {k: v for k, v in error.get_headers(request.environ) if k.lower() != "content-type"}
    return response(status, str(error.description or ""), headers)
