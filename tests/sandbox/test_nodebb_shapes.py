"""The sandbox's NodeBB against the recorded answers of a real one: no field that it has not, none of another type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest

from service.sandbox.forum import Group
from service.sandbox.nodebb_rules import state_of
from tests.plugins.nodebb.nodebb_recorded import answer, exchange, needs_recordings
from tests.plugins.nodebb.rig import call
from tests.sandbox_server import Running, running_sandbox

pytestmark = needs_recordings
READS = {
    "/api/config": "14-config",
    "/api/recent": "75-recent",
    "/api/topic/1": "277-qna-topic-with-accepted-answer",
    "/api/v3/topics/2": "59-topic-v3-get",
    "/api/v3/posts/1": "80-post-get",
    "/api/category/5": "26-category-read-page",
    "/api/v3/categories/5": "24-category-v3-get",
    "/api/v3/categories/99": "25-category-unknown",
    "/api/v3/users/2": "172-user-v3-get",
    "/api/user/ines": "186-banned-user-read",
    "/api/groups/administrators": "200-group-read",
    "/api/categories/5/moderators": "263-moderators-of-category-with-group",
    "/api/v3/categories/5/privileges": "258-granted-in-both-categories",
    "/api/flags": "233-flags-list-admin",
    "/api/flags/1": "237-flag-get-read-api",
    "/api/v3/flags/1": "238-flag-get-v3",
    "/api/post-queue": "31-post-queue-list",
}
WRITES = {
    ("POST", "/api/v3/topics/1", "Thanks for your patience."): "54-topic-reply",
    ("PUT", "/api/v3/posts/2", "Unplug it first, then look."): "87-post-edit",
    ("DELETE", "/api/v3/posts/3/state", ""): "92-post-delete",
    ("PUT", "/api/v3/topics/1/lock", ""): "133-granted-lock-in-category",
    ("PUT", "/api/v3/categories/5/moderator/3", ""): "258-granted-in-both-categories",
    ("POST", "/api/v3/flags", ""): "111-flag-create",
    ("PUT", "/api/v3/flags/1", ""): "249-flag-resolve",
    ("POST", "/api/v3/admin/tokens", ""): "267-admin-token-for-user",
}
REFUSALS = {
    ("GET", "/api/v3/users/1", None): "06-token-missing",
    ("POST", "/api/v3/topics/1", None): "08-write-token-missing",
    ("POST", "/api/v3/topics/1", "bad"): "09-write-token-bad",
    ("GET", "/api/v3/users/1", "master"): "05-ping",
    ("GET", "/api/v3/coffee", 1): "12-unknown-endpoint",
    ("GET", "/api/coffee", 1): "13-unknown-endpoint-read-api",
    ("POST", "/api/v3/topics/1", 9999): "11-master-token-unknown-uid",
    ("GET", "/api/topic/99", 1): "64-topic-unknown",
    ("GET", "/api/v3/topics/99", 1): "65-topic-v3-unknown",
    ("GET", "/api/topic/1", 4): "162-topic-read-deleted-by-stranger",
    ("GET", "/api/v3/posts/99", 1): "85-post-unknown",
    ("PUT", "/api/v3/topics/2/lock", 4): "122-before-grant-lock-other-category",
    ("PUT", "/api/v3/categories/5/moderator/3", 4): "125-moderator-grant-by-member",
    ("PUT", "/api/v3/categories/5/moderator/99", 1): "128-moderator-grant-unknown-user",
    ("PUT", "/api/v3/categories/99/moderator/3", 1): "129-moderator-grant-unknown-category",
    ("GET", "/api/flags", 4): "235-flags-list-by-member",
    ("GET", "/api/v3/flags/1", 4): "239-flag-get-v3-by-member",
    ("PUT", "/api/v3/users/3/ban", 4): "183-user-ban-by-member",
    ("PUT", "/api/v3/users/1/ban", 1): "189-user-ban-admin",
}

#: Only a topic that waits was recorded, and no answer.
NOT_RECORDED = ".posts[].data.tid"


def merged(one: Any, other: Any) -> Any:
    """All fields that either has; where both have one, the first's."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merged(one.get(key), other.get(key)) for key in one | other}
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return other if one is None else one


def differences(mine: Any, theirs: Any, where: str = "") -> Iterator[str]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key, value in mine.items():
            if f"{where}.{key}" == NOT_RECORDED:
                continue
            if key not in theirs:
                yield f"{where}.{key} is not in a real answer"
            else:
                yield from differences(value, theirs[key], f"{where}.{key}")
    elif isinstance(mine, list) and isinstance(theirs, list):
        known = reduce(merged, (row for row in theirs if isinstance(row, dict)), {})
        for row in mine:
            if known:
                yield from differences(row, known, f"{where}[]")
    elif mine is not None and theirs is not None and type(mine) is not type(theirs):
        yield f"{where} is {type(mine).__name__}, and {type(theirs).__name__} in a real answer"


@pytest.fixture(scope="module")
def busy() -> Iterator[Running]:
    """A forum with a moderator, a moderating group, a flag and a waiting post."""
    with running_sandbox() as box:
        box.world.forum.groups[50] = Group(50, "Rock stars", members={"marc"})
        call(box, "POST", "/api/v3/flags", 2, type="post", id=3, reason="Spam")
        call(box, "PUT", "/api/v3/categories/5/moderator/3", 1)
        call(box, "PUT", "/api/v3/categories/5/privileges/groups:moderate", 1, member="Rock stars")
        state_of(box.world).queueing = True
        call(box, "POST", "/api/v3/topics/1", 4, content="Please let me through.")
        yield box


@pytest.mark.parametrize("path", READS)
def test_what_is_read_has_the_fields_of_the_real_one(busy: Running, path: str) -> None:
    found = call(busy, "GET", path, 1)
    assert found.status_code == exchange(READS[path])["response"]["status"] == 200
    real = answer(READS[path])
    if path == "/api/recent":  # with a topic whose question was answered
        real = merged(real, answer("278-qna-solved-list"))
    assert [*differences(found.json(), real)] == []


@pytest.mark.parametrize(("method", "path", "content"), WRITES)
def test_what_answers_a_write_has_the_fields_of_the_real_one(method: str, path: str, content: str) -> None:
    body: dict[str, Any] = {
        "type": "post",
        "id": 3,
        "reason": "Rude",
        "state": "resolved",
        "uid": 3,
        "description": "x",
    }
    with running_sandbox() as box:
        call(box, "POST", "/api/v3/flags", 2, type="post", id=2, reason="Spam")
        found = call(box, method, path, 1, content=content, **body)
    recorded = WRITES[method, path, content]
    assert found.status_code == exchange(recorded)["response"]["status"] == 200
    assert [*differences(found.json(), answer(recorded))] == []


@pytest.mark.parametrize(("method", "path", "by"), REFUSALS)
def test_each_refusal_is_that_of_the_real_one(method: str, path: str, by: Any) -> None:
    recorded = exchange(REFUSALS[method, path, by])["response"]
    with running_sandbox() as box:
        call(box, "POST", "/api/v3/flags", 2, type="post", id=3, reason="Spam")
        if "deleted" in REFUSALS[method, path, by]:
            call(box, "DELETE", "/api/v3/topics/1/state", 1)
        token = {"bad": "NOT-A-TOKEN", None: ""}.get(by, box.world.options.nodebb_token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        acting: dict[str, Any] = {"_uid": by} if isinstance(by, int) else {}
        body = {"json": {"content": "Words enough.", **acting}} if method != "GET" else {"params": acting}
        found = box.client.request(method, f"/nodebb{path}", headers=headers, **body)  # type: ignore[arg-type]
    assert found.status_code == recorded["status"]
    assert found.headers["Content-Type"].split(";")[0] == recorded["headers"]["Content-Type"].split(";")[0]
    if not isinstance(recorded["body"], dict):
        assert found.text == recorded["body"]
        return
    assert [*differences(found.json(), recorded["body"])] == []
    assert found.json().get("status") == recorded["body"].get("status"), json.dumps(recorded["body"])
