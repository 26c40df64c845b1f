"""Answers that are not a success, recorded and made up: each becomes the error that says whether to try again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from plugins.contract import (
    Ambiguous,
    ConnectorError,
    CredentialsRefused,
    Gone,
    MissingRight,
    Permanent,
    RateLimited,
    Temporary,
)
from plugins.mastodon.failures import WAIT, Reply, budget, failure, wait_until
from tests.plugins.mastodon.recorded import exchange, needs_recordings

NOW = datetime(2026, 11, 22, 4, 43, tzinfo=UTC)


def made(status: int, text: str = "{}", method: str = "GET", path: str = "/api/v1/x", **headers: str) -> ConnectorError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure(Reply(method, path, status, {"content-type": "application/json"} | named, text), NOW)


@needs_recordings
@pytest.mark.parametrize(
    ("server", "name", "error"),
    [
        ("gotosocial", "33-verify-credentials-revoked-token", CredentialsRefused),
        ("gotosocial", "295-suspended-own-token", CredentialsRefused),
        ("takahe", "35-verify-credentials-bad-token", CredentialsRefused),
        ("takahe", "34-verify-credentials-no-token", CredentialsRefused),
        ("gotosocial", "37-post-with-read-only-token", MissingRight),
        ("takahe", "36-post-with-read-only-token", MissingRight),
        ("gotosocial", "127-context-unknown", Gone),
        ("takahe", "91-get-deleted", Gone),
        ("takahe", "63-post-too-long", Permanent),
        ("takahe", "64-post-bad-visibility", Permanent),
        ("takahe", "132-account-statuses-foreign-min-id", Temporary),
        ("gotosocial", "305-rate-limit-flood-end", RateLimited),
        ("gotosocial", "306-rate-limit-flood-end-post", RateLimited),
    ],
)
def test_recorded_failures(server: str, name: str, error: type[ConnectorError]) -> None:
    one = exchange(server, name)
    answer, body = one["response"], one["response"]["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {key.lower(): value for key, value in answer["headers"].items()}
    found = failure(Reply(one["request"]["method"], one["request"]["path"], answer["status"], headers, text), NOW)
    assert type(found) is error
    assert "<" not in str(found)


@needs_recordings
def test_the_recorded_limit_says_until_when() -> None:
    headers = exchange("gotosocial", "305-rate-limit-flood-end")["response"]["headers"]
    lower = {key.lower(): value for key, value in headers.items()}
    assert wait_until(lower, NOW) == datetime(2026, 11, 22, 4, 47, 20, tzinfo=UTC)
    said = budget(lower, NOW)
    assert said is not None
    assert (said.limit, said.remaining) == (300, 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, WAIT.total_seconds()),
        ({"retry-after": "30"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 04:43:40 GMT"}, 40),
        ({"x-ratelimit-reset": "2026-11-22T04:44:00Z"}, 60),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"x-ratelimit-reset": "2020-01-01T00:00:00Z"}, WAIT.total_seconds()),
        ({"x-ratelimit-reset": "2036-01-01T00:00:00Z"}, WAIT.total_seconds()),
        ({"retry-after": "soon", "x-ratelimit-reset": "²"}, WAIT.total_seconds()),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert wait_until(headers, NOW) == NOW + timedelta(seconds=seconds)


def test_no_rate_headers_is_no_budget() -> None:
    assert budget({"x-ratelimit-remaining": "many"}, NOW) is None
    assert budget({}, NOW) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 408])
def test_a_server_in_trouble_is_temporary_for_reads(status: int) -> None:
    assert type(made(status, "<html>", content_type="text/html")) is Temporary


@pytest.mark.parametrize(("status", "error"), [(500, Ambiguous), (502, Ambiguous), (504, Ambiguous), (503, Temporary)])
def test_after_a_write_only_503_says_that_nothing_happened(status: int, error: type[ConnectorError]) -> None:
    assert type(made(status, method="POST")) is error


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("POST", "/api/v1/statuses", "write:statuses"),
        ("GET", "/api/v2/notifications", "read:notifications"),
        ("GET", "/api/v1/timelines/list/1", "read:lists"),
        ("GET", "/api/v1/accounts/verify_credentials", "read:accounts"),
        ("GET", "/api/v1/timelines/tag/x", "read:statuses"),
    ],
)
def test_a_scope_error_names_the_right(method: str, path: str, right: str) -> None:
    error = made(403, '{"error":"This action is outside the authorized scopes"}', method, path)
    assert isinstance(error, MissingRight)
    assert error.missing == right
    assert right in str(error)


def test_other_refusals_are_permanent() -> None:
    assert type(made(403, '{"error":"Your login is currently disabled"}')) is Permanent
    assert type(made(403, '{"error":"Insufficient permissions: write:statuses."}')) is MissingRight
    assert type(made(403, "<html>scope</html>", content_type="text/html")) is Permanent
    assert type(made(422, '{"error":"Validation failed"}')) is Permanent
    assert type(made(410)) is Gone
