"""The sandbox's forum where it moderates: groups, categories, sanctions and flags behave as Discourse's do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox_server import Running, running_sandbox

LONG = {"silenced_till": "2099-01-01T00:00:00Z", "suspend_until": "2099-01-01T00:00:00Z", "reason": "insults"}


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def forum(box: Running) -> httpx.Client:
    box.client.headers.update(box.discourse.headers)
    return box.client


def acting_as(box: Running, username: str) -> dict[str, str]:
    return box.discourse.headers | {"Api-Username": username}


def make(forum: httpx.Client, name: str) -> httpx.Response:
    return forum.post("/admin/groups.json", json={"group": {"name": name}})


def flag(box: Running, post_id: int, by: str, message: str = "") -> None:
    body = {"id": post_id, "post_action_type_id": 7 if message else 8, "message": message}
    assert box.client.post("/post_actions.json", json=body, headers=acting_as(box, by)).status_code == 200


def test_permissions_are_shown_to_who_may_edit_and_groups_while_the_setting_is_on(
    box: Running, forum: httpx.Client
) -> None:
    shown = forum.get("/c/7/show.json").json()["category"]
    assert (shown["moderating_group_ids"], len(shown["group_permissions"])) == ([], 1)
    moderator = forum.get("/c/7/show.json", headers=acting_as(box, "sam")).json()["category"]
    assert "group_permissions" not in moderator
    box.control("PUT", "/options", category_group_moderation=False)
    assert "moderating_group_ids" not in forum.get("/c/5/show.json").json()["category"]
    change = {"name": "Help", "color": "0088CC", "text_color": "FFFFFF", "moderating_group_ids": [3]}
    assert forum.put("/categories/5.json", json=change).status_code == 200
    assert box.world.forum.categories[5].moderating_group_ids == []
    assert forum.get("/site/settings.json").json()["enable_category_group_moderation"] is False


def test_a_group_is_named_by_a_members_rules_and_found_by_number(forum: httpx.Client) -> None:
    assert make(forum, "ines").status_code == 422
    assert make(forum, "x" * 21).status_code == 422
    made = make(forum, "tenth-5").json()["basic_group"]
    assert forum.get(f"/groups/by-id/{made['id']}.json").json()["group"]["name"] == "tenth-5"
    assert forum.get("/groups/by-id/999.json").status_code == 404


@pytest.mark.parametrize(("verb", "field"), [("silence", "silenced_till"), ("suspend", "suspended_till")])
def test_a_second_sanction_is_refused_and_one_without_a_reason_too(
    box: Running, forum: httpx.Client, verb: str, field: str
) -> None:
    path = f"/admin/users/{box.world.forum.user('ines').id}"
    assert forum.put(f"{path}/{verb}.json", json=LONG | {"reason": ""}).status_code == 400
    assert forum.put(f"{path}/{verb}.json", json=LONG).status_code == 200
    assert forum.put(f"{path}/{verb}.json", json=LONG).status_code == 409
    assert forum.get(f"{path}.json").json()[field]
    assert forum.get(f"{path}.json", headers=acting_as(box, "marc")).status_code == 404


def test_the_queue_names_people_beside_its_entries_and_turns_pages(box: Running, forum: httpx.Client) -> None:
    for number in range(12):
        text = f"Number {number}."
        made = box.control("POST", "/posts", username="tomoko", text=text, title=f"T{number}", category_id=5)
        flag(box, made["id"], "ines", "Look at it" if number == 0 else "")
    first = forum.get("/review.json", params={"status": "all", "sort_order": "created_at_asc"}).json()
    assert (len(first["reviewables"]), first["meta"]["total_rows_reviewables"]) == (10, 12)
    assert {one["username"] for one in first["users"]} == {"ines", "tomoko"}
    (score,) = first["reviewables"][0]["reviewable_scores"]
    assert score["reviewable_conversation"]["conversation_posts"][0]["excerpt"] == "Look at it"
    newest = forum.get("/review.json").json()["reviewables"][0]
    assert newest["id"] == 12
    second = forum.get("/review.json", params={"sort_order": "created_at_asc", "offset": 10}).json()
    assert [one["id"] for one in second["reviewables"]] == [11, 12]


def test_a_hidden_post_is_offered_other_decisions(box: Running, forum: httpx.Client) -> None:
    flag(box, 3, "ines")
    offered = {one["id"] for one in forum.get("/review/1.json").json()["actions"]}
    assert {"agree_and_keep", "disagree"} <= offered
    with box.world.lock:
        box.world.forum.posts[3].hidden = True
    offered = {one["id"] for one in forum.get("/review/1.json").json()["actions"]}
    assert {"agree_and_keep_hidden", "disagree_and_restore"} <= offered
    assert not {"agree_and_keep", "disagree"} & offered
