"""The sandbox's NodeBB: whose rights hold where, and that it is the same forum as the sandbox's Discourse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from service.sandbox.nodebb_rules import state_of
from tests.plugins.nodebb.rig import call
from tests.sandbox_server import Running, running_sandbox

INES, MARC, TOMOKO, SAM = 2, 3, 4, 5


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


def post(box: Running, username: str, text: str, **more: Any) -> Any:
    return box.control("POST", "/posts", username=username, text=text, **more)


def test_what_is_said_on_one_is_read_on_the_other(box: Running) -> None:
    call(box, "POST", "/api/v3/topics/1", MARC, content="The seal costs two euros.", toPid=2)
    found = box.client.get("/posts/5.json", headers=box.discourse.headers).json()
    assert (found["raw"], found["username"], found["reply_to_post_number"]) == ("The seal costs two euros.", "marc", 2)


def test_rights_given_here_hold_here_only(box: Running) -> None:
    call(box, "PUT", f"/api/v3/categories/5/moderator/{TOMOKO}", 1)
    assert call(box, "PUT", "/api/v3/topics/1/lock", TOMOKO).status_code == 200
    headers = box.discourse.headers | {"Api-Username": "tomoko"}
    refused = box.client.put("/t/1/status.json", headers=headers, json={"status": "closed", "enabled": "false"})
    assert refused.status_code == 403


def test_a_private_conversation_is_nowhere(box: Running) -> None:
    made = post(box, "ines", "For your eyes only, please.", title="A word", private=True)
    assert call(box, "GET", f"/api/topic/{made['topic_id']}", 1).status_code == 404
    assert call(box, "GET", f"/api/v3/posts/{made['id']}", 1).status_code == 404
    assert "eyes only, please" not in call(box, "GET", "/api/recent", 1).text


def test_a_closed_category_is_closed_to_guests_and_members(box: Running) -> None:
    assert box.client.get("/nodebb/api/category/7").status_code == 401
    assert call(box, "GET", "/api/category/7", TOMOKO).status_code == 403
    assert call(box, "GET", "/api/category/7", SAM).status_code == 200
    assert [t["cid"] for t in box.client.get("/nodebb/api/recent").json()["topics"]] == [5]


def test_a_moderator_of_one_category_moves_nothing_out_of_it(box: Running) -> None:
    call(box, "PUT", f"/api/v3/categories/5/moderator/{TOMOKO}", 1)
    assert call(box, "PUT", "/api/v3/topics/1/move", TOMOKO, cid=6).status_code == 403
    call(box, "PUT", f"/api/v3/categories/6/moderator/{TOMOKO}", 1)
    assert call(box, "PUT", "/api/v3/topics/1/move", TOMOKO, cid=6).status_code == 200


def test_a_moderator_sees_and_settles_the_flags_of_their_category_only(box: Running) -> None:
    call(box, "POST", "/api/v3/flags", INES, type="post", id=3, reason="Rude")
    call(box, "POST", "/api/v3/flags", SAM, type="post", id=1, reason="Rude")
    call(box, "PUT", f"/api/v3/categories/6/moderator/{MARC}", 1)
    assert call(box, "GET", "/api/flags", MARC).json()["flags"] == []
    assert call(box, "PUT", "/api/v3/flags/1", MARC, state="resolved").status_code == 404
    call(box, "PUT", f"/api/v3/categories/5/moderator/{MARC}", 1)
    assert len(call(box, "GET", "/api/flags", MARC).json()["flags"]) == 2
    assert call(box, "PUT", "/api/v3/flags/1", MARC, state="banana").status_code == 200
    assert state_of(box.world).flags[1].state == "open"
    assert call(box, "PUT", "/api/v3/flags/1", MARC, state="resolved").status_code == 200
    assert state_of(box.world).flags[1].state == "resolved"


def test_a_moderator_neither_bans_nor_mutes_nor_makes_another(box: Running) -> None:
    call(box, "PUT", f"/api/v3/categories/5/moderator/{TOMOKO}", 1)
    for path in (f"users/{MARC}/ban", f"users/{MARC}/mute", f"categories/5/moderator/{MARC}"):
        assert call(box, "PUT", f"/api/v3/{path}", TOMOKO, until=0).status_code == 403


def test_who_is_muted_or_banned_cannot_write(box: Running) -> None:
    until = int(box.world.now().timestamp() * 1000) + 3_600_000
    call(box, "PUT", f"/api/v3/users/{MARC}/mute", 1, until=until, reason="Calm down")
    muted = call(box, "POST", "/api/v3/topics/1", MARC, content="I try all the same.")
    assert muted.status_code == 400
    assert "60 minute(s)" in muted.json()["status"]["message"]
    call(box, "DELETE", f"/api/v3/users/{MARC}/mute", 1)
    call(box, "PUT", f"/api/v3/users/{MARC}/ban", 1, until=0)
    assert call(box, "POST", "/api/v3/topics/1", MARC, content="I try all the same.").status_code == 403
    call(box, "DELETE", f"/api/v3/users/{MARC}/ban", 1)
    assert call(box, "POST", "/api/v3/topics/1", MARC, content="I may again, thanks.").status_code == 200


def test_a_locked_topic_takes_its_moderators_answers_and_stays_locked(box: Running) -> None:
    call(box, "PUT", "/api/v3/topics/1/lock", 1)
    refused = call(box, "POST", "/api/v3/topics/1", MARC, content="Am I still allowed to?")
    assert (refused.status_code, refused.json()["status"]["message"]) == (400, "Topic locked")
    assert call(box, "POST", "/api/v3/topics/1", 1, content="A last word from us.").status_code == 200
    assert box.world.forum.topics[1].closed


def test_authors_restore_what_they_deleted_and_not_what_a_moderator_did(box: Running) -> None:
    for by, allowed in [(TOMOKO, 200), (1, 403)]:
        call(box, "DELETE", "/api/v3/posts/3/state", by)
        assert call(box, "GET", "/api/v3/posts/3", MARC).json()["response"]["content"] == "[[topic:post-is-deleted]]"
        assert call(box, "PUT", "/api/v3/posts/3/state", TOMOKO).status_code == allowed


def test_the_token_of_one_account_acts_as_that_one_only(box: Running) -> None:
    made = call(box, "POST", "/api/v3/admin/tokens", 1, uid=TOMOKO, description="x").json()["response"]
    said = call(box, "POST", "/api/v3/topics/1", 1, token=made["token"], content="Who am I, then?")
    assert said.json()["response"]["uid"] == TOMOKO
    call(box, "DELETE", f"/api/v3/admin/tokens/{made['token']}", 1)
    assert call(box, "GET", f"/api/v3/users/{TOMOKO}", 1, token=made["token"]).status_code == 401


def test_the_same_words_twice_are_two_posts(box: Running) -> None:
    for _ in range(2):
        assert call(box, "POST", "/api/v3/topics/1", MARC, content="The very same words.").status_code == 200
    assert len(box.world.forum.topics[1].post_ids) == 5


def test_an_upload_that_is_no_picture_is_refused(box: Running) -> None:
    headers = {"Authorization": f"Bearer {box.world.options.nodebb_token}"}
    sent = {"files[]": ("picture.png", b"<script>", "image/png")}
    assert box.client.post("/nodebb/api/post/upload?_uid=1", headers=headers, files=sent).status_code == 400
    assert box.client.post("/nodebb/api/post/upload?_uid=1", headers=headers).status_code == 400
