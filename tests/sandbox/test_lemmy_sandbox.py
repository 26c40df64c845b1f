"""The sandbox as a Lemmy server over real HTTP: shapes of both versions, and rights that really hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.sandbox.options import LEMMY_PASSWORD, LEMMY_TOKEN
from tests.plugins.lemmy.box import ENTRAIDE, HELP, STAFF, Box
from tests.sandbox_server import running_sandbox

BRAND = {"Authorization": f"Bearer {LEMMY_TOKEN}"}


@pytest.fixture
def box() -> Iterator[Box]:
    with running_sandbox() as running:
        yield Box(running)


def v4(box: Box, method: str, path: str, username: str = "brava", **body: Any) -> httpx.Response:
    content: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
    headers = {"Authorization": f"Bearer {box.token(username)}"} if username else {}
    return box.sandbox.client.request(method, f"/lemmy/api/v4/{path}", headers=headers, **content)


def word(answer: httpx.Response) -> str:
    assert answer.is_error
    return str(answer.json()["error"])


# ------------------------------------------------------------------ signing in


def test_a_wrong_password_opens_nothing(box: Box) -> None:
    for path in ("v3/user/login", "v4/account/auth/login"):
        for given in ({"username_or_email": "ines", "password": "wrong"}, {"username_or_email": "x", "password": ""}):
            answer = box.sandbox.client.post(f"/lemmy/api/{path}", json=given)
            assert (answer.status_code, word(answer)) == (401, "incorrect_login")
        given = {"username_or_email": "ines", "password": LEMMY_PASSWORD}
        assert box.sandbox.client.post(f"/lemmy/api/{path}", json=given).json()["jwt"]


def test_a_token_of_nobody_reads_as_anybody_and_writes_nothing(box: Box) -> None:
    nobody = {"Authorization": "Bearer nobodys"}
    client = box.sandbox.client
    assert "my_user" not in client.get("/lemmy/api/v3/site", headers=nobody).json()
    assert client.get("/lemmy/api/v3/post/list", headers=nobody).is_success
    assert word(client.get("/lemmy/api/v4/account", headers=nobody)) == "incorrect_login"
    made = client.post("/lemmy/api/v3/comment", headers=nobody, json={"post_id": 1, "content": "Hello"})
    assert word(made) == "not_logged_in"


def test_an_old_server_has_no_v4(box: Box) -> None:
    assert box.sandbox.client.get("/lemmy/api/v4/site").json()["version"] == "1.0.0"
    box.sandbox.control("PUT", "/options", lemmy_v4=False)
    assert box.sandbox.client.get("/lemmy/api/v4/site").status_code == 404
    assert box.sandbox.client.get("/lemmy/api/v3/site").json()["version"] == "0.19.11"


# ------------------------------------------------------------------ shapes


def test_times_and_counts_stand_where_each_version_has_them(box: Box) -> None:
    post = int(box.post("ines").split("-")[1])
    old = box.ask("GET", "post", "brava", id=post).json()["post_view"]
    new = v4(box, "GET", "post", id=post).json()["post_view"]
    assert {"published"} <= old["post"].keys() and "comments" in old["counts"]
    assert {"published_at", "comments"} <= new["post"].keys() and "counts" not in new
    assert "actor_id" in old["creator"] and "ap_id" in new["creator"]


def test_a_path_leads_from_the_top_to_the_comment(box: Box) -> None:
    above = box.comment("marc", box.post("ines"))
    below = box.comment("tomoko", above)
    one, two = (int(c.split("-")[1]) for c in (above, below))
    shown = box.ask("GET", "comment", id=two).json()["comment_view"]["comment"]
    assert shown["path"] == f"0.{one}.{two}"


def test_pages_follow_each_other_without_a_gap(box: Box) -> None:
    made = {int(box.post("ines").split("-")[1]) for _ in range(7)}
    old = [box.ask("GET", "post/list", community_name="help", limit=3, page=n).json()["posts"] for n in (1, 2, 3)]
    ids = [view["post"]["id"] for page in old for view in page]
    assert ids == sorted(ids, reverse=True) and made <= set(ids)
    new: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = v4(box, "GET", "post/list", community_name="help", limit=3, **cursor).json()
        new += [view["post"]["id"] for view in answer["items"]]
        if "next_page" not in answer:
            break
        cursor = {"page_cursor": answer["next_page"]}
    assert new == ids
    assert word(v4(box, "GET", "post/list", page_cursor="nonsense")) == "couldnt_parse_pagination_token"


def test_what_was_taken_down_shows_its_words_to_moderators_only(box: Box) -> None:
    comment = box.comment("tomoko", box.post("ines"), "Buy at my shop.")
    box.remove(comment)
    number = int(comment.split("-")[1])
    texts = {
        name: v4(box, "GET", "comment", name, id=number).json()["comment_view"]["comment"]["content"]
        for name in ("brava", "sam", "marc")
    }
    assert texts == {"brava": "Buy at my shop.", "sam": "Buy at my shop.", "marc": ""}


def test_a_removed_post_is_not_found_by_others(box: Box) -> None:
    post = box.post("ines")
    number = int(post.split("-")[1])
    box.remove(post)
    assert box.ask("GET", "post", "marc", id=number).status_code == 404
    assert box.ask("GET", "post", "ines", id=number).is_success
    listed = box.ask("GET", "post/list", "brava", community_name="help").json()["posts"]
    assert number not in [view["post"]["id"] for view in listed]


def test_private_topics_and_closed_communities_stay_closed(box: Box) -> None:
    made = box.sandbox.control("POST", "/posts", username="ines", text="Between us.", title="A word", private=True)
    assert box.ask("GET", "post", "brava", id=made["topic_id"]).status_code == 404
    secret = int(box.post("sam", STAFF).split("-")[1])
    assert box.ask("GET", "post", "marc", id=secret).status_code == 404
    assert box.ask("GET", "community", "marc", name="staff").status_code == 404
    assert box.ask("GET", "post", "sam", id=secret).is_success
    listed = [view["community"]["name"] for view in box.ask("GET", "post/list", "marc", limit=50).json()["posts"]]
    assert "staff" not in listed


# ------------------------------------------------------------------ rights


def test_a_moderator_is_one_until_the_right_is_taken_and_nowhere_else(box: Box) -> None:
    inside, outside = box.comment("tomoko", box.post("ines")), box.comment("tomoko", box.post("ines", ENTRAIDE))
    assert word(box.remove(inside, "marc")) == "not_a_mod_or_admin"
    assert [row["moderator"]["name"] for row in box.appoint("marc", HELP).json()["moderators"]] == [
        "brava",
        "sam",
        "marc",
    ]
    assert box.remove(inside, "marc").is_success
    assert word(box.remove(outside, "marc")) == "not_a_mod_or_admin"
    assert word(box.lock(box.post("ines", ENTRAIDE), username="marc")) == "not_a_mod_or_admin"
    box.appoint("marc", HELP, added=False)
    assert word(box.remove(inside, "marc", removed=False)) == "not_a_mod_or_admin"
    assert word(box.lock(box.post("ines"), username="marc")) == "not_a_mod_or_admin"


def test_rank_decides_who_removes_whom(box: Box) -> None:
    for name in ("marc", "tomoko"):
        box.appoint(name, HELP)
    assert word(box.appoint("marc", HELP, added=False, by="tomoko")) == "not_higher_mod"
    assert word(box.appoint("brava", HELP, added=False, by="marc")) == "not_higher_mod"
    assert word(box.appoint("marc", HELP, by="brava")) == "community_moderator_already_exists"
    assert box.appoint("tomoko", HELP, added=False, by="marc").is_success
    assert word(box.appoint("ines", HELP, by="tomoko")) == "not_a_mod_or_admin"


def test_the_last_moderator_stays_unless_an_administrator_says_so(box: Box) -> None:
    box.appoint("marc", HELP)
    for name in ("sam", "brava"):
        assert box.appoint(name, HELP, added=False).is_success
    assert word(box.appoint("marc", HELP, added=False, by="marc")) == "cannot_leave_mod"
    assert box.appoint("marc", HELP, added=False).is_success


def test_a_reason_is_required_in_v4(box: Box) -> None:
    number = int(box.comment("tomoko", box.post("ines")).split("-")[1])
    assert word(v4(box, "POST", "comment/remove", comment_id=number, removed=True)) == "invalid_body_field"
    assert v4(box, "POST", "comment/remove", comment_id=number, removed=True, reason="Off topic.").is_success
    (row,) = v4(box, "GET", "modlog", type_="mod_remove_comment").json()["items"]
    assert row["modlog"]["reason"] == "Off topic." and row["modlog"]["is_revert"] is False


def test_only_the_author_edits_and_deletes(box: Box) -> None:
    number = int(box.comment("tomoko", box.post("ines")).split("-")[1])
    assert word(box.ask("PUT", "comment", "brava", comment_id=number, content="Mine")) == "no_comment_edit_allowed"
    assert word(v4(box, "DELETE", "comment", comment_id=number, deleted=True)) == "no_comment_edit_allowed"
    assert v4(box, "DELETE", "comment", "tomoko", comment_id=number, deleted=True).is_success
    assert word(box.ask("PUT", "comment", "tomoko", comment_id=number, content="Again")) == "deleted"


def test_bans_hold_where_they_were_spoken(box: Box) -> None:
    here, there = (int(box.post("marc", place).split("-")[1]) for place in (HELP, ENTRAIDE))
    person = box.person("ines")
    ban = {"community_id": HELP, "person_id": person, "ban": True}
    assert word(box.ask("POST", "community/ban_user", "marc", **ban)) == "not_a_mod_or_admin"
    assert word(box.ask("POST", "community/ban_user", "brava", expires=1, **ban)) == "ban_expiration_in_past"
    assert box.ask("POST", "community/ban_user", "sam", **ban).is_success
    write = {"content": "Hello."}
    assert word(box.ask("POST", "comment", "ines", post_id=here, **write)) == "person_is_banned_from_community"
    assert box.ask("POST", "comment", "ines", post_id=there, **write).is_success
    assert word(box.ask("POST", "user/ban", "sam", person_id=person, ban=True)) == "not_an_admin"
    assert box.ask("POST", "user/ban", "brava", person_id=person, ban=True).is_success
    assert word(box.ask("POST", "comment", "ines", post_id=there, **write)) == "site_ban"
    assert box.ask("GET", "user", person_id=person).json()["person_view"]["person"]["banned"] is True


# ------------------------------------------------------------------ reports


def test_reports_are_seen_and_closed_by_moderators_of_the_place(box: Box) -> None:
    comment = box.comment("tomoko", box.post("ines"))
    report = int(box.report("marc", comment).rsplit("-", 1)[1])
    assert word(box.ask("GET", "comment/report/list", "marc")) == "not_a_mod_or_admin"
    box.appoint("marc", ENTRAIDE)
    assert box.ask("GET", "comment/report/list", "marc").json()["comment_reports"] == []
    assert word(box.ask("PUT", "comment/report/resolve", "marc", report_id=report, resolved=True)) == (
        "not_a_mod_or_admin"
    )
    box.appoint("marc", HELP)
    (listed,) = v4(box, "GET", "report/list", "marc", unresolved_only=True).json()["items"]
    assert listed["type_"] == "comment" and listed["comment_report"]["resolved"] is False
    assert box.ask("PUT", "comment/report/resolve", "marc", report_id=report, resolved=True).is_success
    assert v4(box, "GET", "report/list", "marc", unresolved_only="true").json()["items"] == []
    assert word(box.ask("POST", "comment/report", "ines", comment_id=int(comment.split("-")[1]), reason=" ")) == (
        "report_reason_required"
    )


def test_it_is_the_same_community_as_the_forum(box: Box) -> None:
    """What is written on one side is read on the other, and a flag of the forum is a report here."""
    comment = box.comment("marc", box.post("ines"), "It was the fuse, and nothing else at all.")
    number = int(comment.split("-")[1])
    headers = box.sandbox.discourse.headers
    assert box.sandbox.client.get(f"/posts/{number}.json", headers=headers).json()["username"] == "marc"
    flag = {"id": number, "post_action_type_id": 8}
    flagged = headers | {"Api-Username": "tomoko"}
    assert box.sandbox.client.post("/post_actions.json", headers=flagged, json=flag).is_success
    reports = box.ask("GET", "comment/report/list", "brava").json()["comment_reports"]
    assert [one["comment"]["id"] for one in reports] == [number]


def test_what_is_no_picture_is_not_taken(box: Box) -> None:
    for path in ("/lemmy/pictrs/image", "/lemmy/api/v4/image"):
        sent = {"images[]": ("picture.png", b"<script>", "image/png")}
        assert word(box.sandbox.client.post(path, headers=BRAND, files=sent)) == "invalid_image_upload"
        assert box.sandbox.client.post(path, files=sent).is_error
    assert box.sandbox.client.get("/lemmy/pictrs/image/none.png").status_code == 404
