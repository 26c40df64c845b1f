"""Errors as Google's JSON has them: `error` with code, message, status, errors and details.

What clients look for in a message (the attribute and its languages, “Comment must be non-empty.”) stands there as they
know it; the rest is in our own words. `errorType` in the details tells a program what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from flask import Response, request
from werkzeug.exceptions import HTTPException

from moderation.errors import TenthError

log = structlog.get_logger(__name__)

MAX_BYTES = 20_480
_OWN = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_RETRY = "type.googleapis.com/google.rpc.RetryInfo"
#: HTTP status -> (canonical status of google.rpc.Code, reason of the older list `errors`).
_STATUS = {
    400: ("INVALID_ARGUMENT", "badRequest"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    413: ("INVALID_ARGUMENT", "uploadTooLarge"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    500: ("INTERNAL", "backendError"),
    503: ("UNAVAILABLE", "backendError"),
}


class GoogleError(TenthError):
    """Ends a request with an error. `kind` is what the metrics call it."""

    def __init__(
        self, status: int, message: str, details: Sequence[Mapping[str, Any]] = (), *, kind: str, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = tuple(details)
        self.kind = kind
        self.retry_after = retry_after


def missing_key() -> GoogleError:
    words = "A key is needed: send it as ?key= or in the header X-Goog-Api-Key."
    return GoogleError(403, words, [_info("API_KEY_MISSING")], kind="missing_key")


def invalid_key() -> GoogleError:
    words = "API key not valid. Please pass a valid API key."
    return GoogleError(400, words, [_info("API_KEY_INVALID")], kind="invalid_key")


def over_quota(limit: int, per: str, retry_after: int) -> GoogleError:
    """`per` is "second" or "day"; `retry_after` in seconds."""
    words = f"Quota exceeded: this key may send {limit} requests a {per}. Try again in {retry_after} s."
    limits = {"quota_limit_value": str(limit), "quota_limit": f"requests per {per}"}
    details = [_info("RATE_LIMIT_EXCEEDED", **limits), {"@type": _RETRY, "retryDelay": f"{retry_after}s"}]
    return GoogleError(429, words, details, kind="over_quota", retry_after=retry_after)


def busy() -> GoogleError:
    return GoogleError(503, "Too much is coming in at once. Try again in a second.", kind="busy", retry_after=1)


def empty_comment() -> GoogleError:
    return GoogleError(400, "Comment must be non-empty.", [_typed("COMMENT_EMPTY")], kind="comment_empty")


def long_comment(size: int) -> GoogleError:
    words = f"Comment text too long. It has {size} bytes; the limit is {MAX_BYTES}."
    return GoogleError(400, words, [_typed("COMMENT_TOO_LONG")], kind="comment_too_long")


def missing_attributes(name: str) -> GoogleError:
    """`name` is the field as the protocol writes it, such as requested_attributes."""
    return GoogleError(400, f"Missing {name}", [_field(name, "is required")], kind="missing_attributes")


def unknown_attribute(attribute: str, why: str = "") -> GoogleError:
    """An attribute that nobody knows, or that this server does not judge: then `why` says so."""
    words = f"Unknown requested attribute: {attribute}" + (f" ({why})" if why else "")
    more = {"unknownAttributeError": {"attribute": attribute}}
    return GoogleError(400, words, [_typed("UNKNOWN_ATTRIBUTE") | more], kind="unknown_attribute")


def unsupported_language(attribute: str, requested: Sequence[str], detected: Sequence[str]) -> GoogleError:
    """`requested` is empty where the language was detected."""
    words = f"Attribute {attribute} does not support request languages: {', '.join(requested or detected)}"
    where = {"requestedLanguages": list(requested)} if requested else {"detectedLanguages": list(detected)}
    about = {**where, "attribute": attribute}
    detail = _typed("LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE") | {"languageNotSupportedByAttributeError": about}
    return GoogleError(400, words, [detail], kind="language")


def unsupported_score_type(attribute: str, wanted: str) -> GoogleError:
    words = f"Requested score type {wanted} is not supported by attribute {attribute}"
    return GoogleError(400, words, [_field("score_type", "takes PROBABILITY only")], kind="score_type")


def bad_json(why: str) -> GoogleError:
    return GoogleError(400, f"Invalid JSON payload received. {why}", kind="bad_json")


def bad_field(path: str, why: str) -> GoogleError:
    """A field that is not there in this API, or has a value that it does not take."""
    words = f"Invalid JSON payload received. Field “{path}” {why}."
    return GoogleError(400, words, [_field(path, why)], kind="bad_field")


def response(error: GoogleError) -> Response:
    """The error as an answer."""
    status, reason = _STATUS[error.status]
    body: dict[str, Any] = {
        "code": error.status,
        "message": error.message,
        "errors": [{"message": error.message, "domain": "global", "reason": reason}],
        "status": status,
    }
    if error.details:
        body["details"] = error.details
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return Response(json.dumps({"error": body}), error.status, headers, content_type="application/json; charset=UTF-8")


def from_exception(error: Exception) -> Response:
    """The answer that an exception is. A message may quote a comment, so that the log gets the kind and place only."""
    if isinstance(error, GoogleError):
        return response(error)
    if isinstance(error, HTTPException):
        return _from_werkzeug(error)
    log.error("perspective.failed", path=request.path, error=type(error).__name__, at=_place(error))
    return response(GoogleError(500, "Something went wrong here; it was written down.", kind="failed"))


def _from_werkzeug(error: HTTPException) -> Response:
    if error.code == 413:
        return response(GoogleError(413, "The request is larger than this server takes.", kind="too_large"))
    if error.code in (404, 405):
        return response(GoogleError(404, "There is no such method here.", kind="not_found"))
    return response(GoogleError(400, "The request cannot be read.", kind="unreadable"))


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""


def _typed(kind: str) -> dict[str, Any]:
    return {"@type": _OWN, "errorType": kind}


def _info(reason: str, **metadata: str) -> dict[str, Any]:
    about = {"service": "commentanalyzer.googleapis.com", **metadata}
    return {"@type": _INFO, "reason": reason, "domain": "googleapis.com", "metadata": about}


def _field(path: str, why: str) -> dict[str, Any]:
    return {"@type": _BAD_REQUEST, "fieldViolations": [{"field": path, "description": why}]}
