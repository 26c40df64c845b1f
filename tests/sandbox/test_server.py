"""The sandbox over a real socket: what it remembers, whom it refuses, and how it fails on request."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mastodon import Mastodon

from service.sandbox.fediverse import Wish
from service.sandbox.gate import Gate
from service.sandbox.options import ALL_SCOPES, CLIENT_ID, CLIENT_SECRET
from service.sandbox.webhooks import sign
from tests.sandbox_server import NO_TLS, Running, running_sandbox

REPLY = "Thank you for telling us, we are looking into it."
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def forum(box: Running) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=box.url, headers=box.discourse.headers, timeout=60, trust_env=False, verify=NO_TLS
    ) as client:
        yield client


@pytest.fixture
def social(box: Running) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=box.url, headers=box.mastodon.headers, timeout=60, trust_env=False, verify=NO_TLS
    ) as client:
        yield client


def acting_as(box: Running, username: str) -> dict[str, str]:
    return box.discourse.headers | {"Api-Username": username}


def milk_root(social: httpx.Client) -> dict[str, Any]:
    page = social.get("/api/v1/timelines/tag/bravahelp").json()
    found: dict[str, Any] = next(s for s in page if "frother" in s["content"])
    return found


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class TestDiscourseReading:
    def test_latest_posts_go_back_by_id(self, box: Running, forum: httpx.Client) -> None:
        for n in range(60):
            box.control("POST", "/posts", username="ines", text=f"one more thing {n}", topic_id=1)
        first = forum.get("/posts.json").json()["latest_posts"]
        assert len(first) == 50
        rest = forum.get("/posts.json", params={"before": first[-1]["id"] - 1}).json()["latest_posts"]
        ids = [p["id"] for p in first + rest]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == len(set(ids)) == 64

    def test_a_post_has_the_fields_a_connector_reads(self, forum: httpx.Client) -> None:
        post = forum.get("/posts/2.json").json()
        assert (post["username"], post["post_number"], post["reply_to_post_number"]) == ("marc", 2, 1)
        assert post["accepted_answer"] is True
        assert {"id": 2, "can_act": True, "count": 3} in post["actions_summary"]
        assert {"raw", "cooked", "version", "trust_level", "category_id", "topic_title"} <= post.keys()

    def test_a_topic_shows_twenty_posts_and_the_whole_stream(self, box: Running, forum: httpx.Client) -> None:
        for n in range(30):
            box.control("POST", "/posts", username="ines", text=f"still leaking {n}", topic_id=1)
        topic = forum.get("/t/1.json").json()
        stream = topic["post_stream"]["stream"]
        assert (len(topic["post_stream"]["posts"]), len(stream)) == (20, 33)
        more = forum.get("/t/1/posts.json", params=[("post_ids[]", i) for i in stream[20:]]).json()
        assert [p["id"] for p in more["post_stream"]["posts"]] == stream[20:]

    def test_no_key_and_a_bad_key_are_refused_as_on_discourse(self, box: Running) -> None:
        none = box.client.get("/posts.json")
        bad = box.client.get("/posts.json", headers=box.discourse.headers | {"Api-Key": "no"})
        assert (none.status_code, none.json()["error_type"]) == (403, "not_logged_in")
        assert (bad.status_code, bad.json()["error_type"]) == (403, "invalid_access")

    def test_a_closed_category_is_hidden_from_members(self, box: Running, forum: httpx.Client) -> None:
        seen = [p["topic_title"] for p in forum.get("/posts.json").json()["latest_posts"]]
        assert "Recall notice draft" in seen
        ines = forum.get("/posts.json", headers=acting_as(box, "ines")).json()["latest_posts"]
        assert "Recall notice draft" not in [p["topic_title"] for p in ines]

    def test_a_private_message_is_in_no_list(self, box: Running, forum: httpx.Client) -> None:
        made = box.control("POST", "/posts", username="ines", text="my address is a secret", private=True)
        assert made["id"] not in [p["id"] for p in forum.get("/posts.json").json()["latest_posts"]]
        assert forum.get(f"/t/{made['topic_id']}.json", headers=acting_as(box, "marc")).status_code == 403
        assert forum.get(f"/t/{made['topic_id']}.json").json()["archetype"] == "private_message"

    def test_admin_calls_are_counted_together(self) -> None:
        with running_sandbox(admin_calls_per_minute=2) as box:
            answers = [box.client.get("/site.json", headers=box.discourse.headers) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert answers[2].headers["Discourse-Rate-Limit-Error-Code"] == "admin_api_key_rate_limit"
        assert 0 < int(answers[2].headers["Retry-After"]) <= 60

    @pytest.mark.parametrize(
        "path",
        [
            "/site.json",
            "/site/basic-info.json",
            "/about.json",
            "/categories.json",
            "/latest.json",
            "/groups.json",
            "/search.json?q=seal",
            "/notifications.json",
            "/u/ines.json",
            "/session/current.json",
            "/review.json",
        ],
    )
    def test_the_other_pages_answer(self, forum: httpx.Client, path: str) -> None:
        assert forum.get(path).status_code == 200


class TestDiscourseWriting:
    def test_a_reply_once_and_not_twice(self, forum: httpx.Client) -> None:
        body = {"topic_id": 1, "raw": REPLY, "reply_to_post_number": 1}
        made = forum.post("/posts.json", json=body)
        again = forum.post("/posts.json", json=body | {"raw": REPLY.upper()})
        assert made.json()["post_number"] == 4
        assert (again.status_code, again.json()["errors"][0][:22]) == (422, "Body is too similar to")

    def test_edit_delete_recover(self, box: Running, forum: httpx.Client) -> None:
        forum.put("/posts/3.json", json={"post": {"raw": "Same here, but solved.", "edit_reason": "clarity"}})
        assert forum.get("/posts/3.json").json()["version"] == 2
        assert forum.get("/posts/3/revisions/latest.json").json()["current_revision"] == 2
        assert forum.delete("/posts/3.json").status_code == 200
        assert forum.get("/posts/3.json").json()["deleted_at"]
        assert forum.get("/posts/3.json", headers=acting_as(box, "ines")).status_code == 404
        assert forum.put("/posts/3/recover").json()["deleted_at"] is None

    def test_rights_end_at_the_category(self, box: Running, forum: httpx.Client) -> None:
        marc, close = acting_as(box, "marc"), {"status": "closed", "enabled": "true"}
        assert forum.put("/t/1/status.json", json=close, headers=marc).status_code == 403
        group = forum.post("/admin/groups.json", json={"group": {"name": "rockstars"}}).json()["basic_group"]["id"]
        form = {"name": "Help", "color": "0088CC", "text_color": "FFFFFF", "moderating_group_ids[]": str(group)}
        assert forum.put("/categories/5.json", data=form | {"permissions[everyone]": "1"}).status_code == 200
        assert forum.put("/groups/rockstars/members.json", json={"usernames": "marc"}).status_code == 200
        assert forum.put("/t/1/status.json", json=close, headers=marc).status_code == 200
        assert forum.get("/t/1.json").json()["closed"] is True
        other = box.control("POST", "/posts", username="ines", text="une autre question", category_id=6)
        assert forum.put(f"/t/{other['topic_id']}/status.json", json=close, headers=marc).status_code == 403
        assert forum.request("DELETE", f"/groups/{group}/members.json", json={"usernames": "marc"}).status_code == 200
        assert forum.delete("/posts/3.json", headers=marc).status_code == 403

    def test_leaving_out_permissions_opens_a_closed_category(self, forum: httpx.Client) -> None:
        assert forum.get("/c/7/show.json").json()["category"]["read_restricted"] is True
        form = {"name": "Staff", "color": "0088CC", "text_color": "FFFFFF", "moderating_group_ids[]": ""}
        forum.put("/categories/7.json", data=form)
        assert forum.get("/c/7/show.json").json()["category"]["read_restricted"] is False

    def test_a_flag_is_reviewed_with_its_version(self, box: Running, forum: httpx.Client) -> None:
        flag = {"id": 3, "post_action_type_id": 8}
        assert forum.post("/post_actions.json", json=flag, headers=acting_as(box, "ines")).status_code == 200
        entry = forum.get("/review.json").json()["reviewables"][0]
        path = f"/review/{entry['id']}/perform/agree_and_hide"
        assert forum.put(path, params={"version": entry["version"] + 1}).status_code == 409
        done = forum.put(path, params={"version": entry["version"]}).json()["reviewable_perform_result"]
        assert (done["success"], done["transition_to"]) == (True, "approved")
        assert forum.get("/posts/3.json").json()["hidden"] is True
        assert forum.get("/review.json", headers=acting_as(box, "ines")).status_code == 404

    def test_a_silenced_member_cannot_post(self, box: Running, forum: httpx.Client) -> None:
        ines = forum.get("/u/ines.json").json()["user"]["id"]
        told = {"silenced_till": "2099-01-01T00:00:00Z", "reason": "insults"}
        assert forum.put(f"/admin/users/{ines}/silence.json", json=told).json()["silence"]["silenced"] is True
        body = {"topic_id": 1, "raw": REPLY}
        assert forum.post("/posts.json", json=body, headers=acting_as(box, "ines")).status_code == 403
        forum.put(f"/admin/users/{ines}/unsilence.json")
        assert forum.post("/posts.json", json=body, headers=acting_as(box, "ines")).status_code == 200

    def test_move_lock_and_accept(self, forum: httpx.Client) -> None:
        forum.put("/t/-/1.json", json={"topic": {"category_id": 6}})
        assert forum.put("/posts/2/locked.json", json={"locked": "true"}).json() == {"locked": True}
        assert forum.post("/solution/accept", json={"id": 3}).json() == {"success": "OK"}
        topic = forum.get("/t/1.json").json()
        assert (topic["category_id"], topic["accepted_answer"]["post_number"]) == (6, 3)


class TestDiscourseIdentity:
    def test_the_forum_says_who_somebody_is(self, box: Running) -> None:
        secret = box.discourse.connect_secret
        asked = urlencode({"nonce": "n1", "return_sso_url": "http://127.0.0.1/back"}).encode()
        sso = base64.b64encode(asked).decode()
        sig = hmac.new(secret.encode(), sso.encode(), hashlib.sha256).hexdigest()
        form = {"sso": sso, "sig": sig, "username": "marc"}
        assert box.client.get("/session/sso_provider", params=form | {"sig": "0"}).status_code == 422
        assert "marc" in box.client.get("/session/sso_provider", params=form).text
        answer = box.client.post("/session/sso_provider", data=form)
        back = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
        assert hmac.new(secret.encode(), back["sso"].encode(), hashlib.sha256).hexdigest() == back["sig"]
        said = dict(parse_qsl(base64.b64decode(back["sso"]).decode()))
        assert (said["nonce"], said["username"]) == ("n1", "marc")

    def test_a_key_of_ones_own(self, box: Running) -> None:
        private = rsa.generate_private_key(65537, 2048)
        pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        form = {"application_name": "Tenth", "client_id": "c1", "scopes": "session_info", "nonce": "n2"}
        form |= {"public_key": pem.decode(), "auth_redirect": "http://127.0.0.1/back", "username": "ines"}
        answer = box.client.post("/user-api-key", data=form)
        payload = parse_qs(urlsplit(answer.headers["Location"]).query)["payload"][0]
        told = json.loads(private.decrypt(base64.b64decode(payload), padding.PKCS1v15()))
        assert told["nonce"] == "n2"
        headers = {"User-Api-Key": told["key"], "User-Api-Client-Id": "c1"}
        assert box.client.get("/session/current.json", headers=headers).json()["current_user"]["username"] == "ines"
        assert box.client.get("/posts.json", headers=headers).status_code == 403
        assert box.client.post("/user-api-key/revoke", headers=headers).status_code == 200
        assert box.client.get("/session/current.json", headers=headers).status_code == 403


class TestMastodon:
    def test_the_library_works_against_it(self, box: Running) -> None:
        api = Mastodon(access_token=box.mastodon.token, api_base_url=box.url)
        assert api.account_verify_credentials()["username"] == "brava"
        assert [n["type"] for n in api.notifications()] == ["mention"]
        page = api.timeline_hashtag("bravahelp", limit=1)
        older = api.fetch_next(page)
        assert older is not None
        assert [str(s["id"]) for s in page] > [str(s["id"]) for s in older]
        assert not api.fetch_next(older)
        assert len(api.status_context(older[0]["id"])["descendants"]) == 3
        first = api.status_post("@tomoko sorry!", in_reply_to_id=older[0]["id"], idempotency_key="k1")
        second = api.status_post("@tomoko sorry!", in_reply_to_id=older[0]["id"], idempotency_key="k1")
        assert first["id"] == second["id"]

    def test_the_idempotency_key_can_be_ignored(self, social: httpx.Client, box: Running) -> None:
        def post() -> str:
            answer = social.post("/api/v1/statuses", json={"status": REPLY}, headers={"Idempotency-Key": "k2"})
            return str(answer.json()["id"])

        first = post()
        box.fail("ignore_idempotency", path="/api/v1/statuses")
        second = post()
        assert first != second
        assert post() == second

    def test_min_id_pages_forward_and_since_id_skips(self, box: Running, social: httpx.Client) -> None:
        start = social.get("/api/v1/notifications").json()[0]["id"]
        for n in range(5):
            box.control("POST", "/statuses", username="ines", text=f"@brava again {n}")
        forward = social.get("/api/v1/notifications", params={"min_id": start, "limit": 2})
        newest = social.get("/api/v1/notifications", params={"since_id": start, "limit": 2}).json()
        assert [_text(n) for n in forward.json()] == ["again 1", "again 0"]
        assert [_text(n) for n in newest] == ["again 4", "again 3"]
        assert 'rel="next"' in forward.headers["Link"]
        assert 'rel="prev"' in forward.headers["Link"]

    def test_held_back_notifications_must_be_asked_for(self, box: Running, social: httpx.Client) -> None:
        box.control("PUT", "/accounts/ines", limited=True)
        box.control("POST", "/statuses", username="ines", text="@brava do you hear me?")
        assert len(social.get("/api/v1/notifications").json()) == 1
        assert len(social.get("/api/v1/notifications", params={"include_filtered": "true"}).json()) == 2

    def test_grouped_notifications_and_their_absence(self, box: Running, social: httpx.Client) -> None:
        mine = social.post("/api/v1/statuses", json={"status": REPLY}).json()["id"]
        with box.world.lock:
            for name in ("ines", "marc"):
                box.world.fedi.favourite(box.world.fedi.statuses[mine], _account(box, name))
        groups = social.get("/api/v2/notifications").json()["notification_groups"]
        assert groups[0]["notifications_count"] == 2
        box.control("PUT", "/options", grouped_notifications=False)
        assert social.get("/api/v2/notifications").status_code == 404

    def test_unknown_replies_are_counted_and_not_shown(self, box: Running, social: httpx.Client) -> None:
        root = milk_root(social)
        box.control("POST", "/statuses", username="marc", text="far away", in_reply_to_id=root["id"], unknown=True)
        seen = social.get(f"/api/v1/statuses/{root['id']}").json()
        below = social.get(f"/api/v1/statuses/{root['id']}/context").json()["descendants"]
        assert seen["replies_count"] == 3
        assert len([s for s in below if s["in_reply_to_id"] == root["id"]]) == 2

    def test_a_very_long_chain_of_replies(self, box: Running, social: httpx.Client) -> None:
        root = parent = milk_root(social)["id"]
        with box.world.lock:
            by = _account(box, "ines").id
            for n in range(1500):
                parent = box.world.fedi.post(Wish(by, f"and {n}", in_reply_to=parent)).id
        assert len(social.get(f"/api/v1/statuses/{root}/context").json()["descendants"]) == 1503
        assert len(social.get(f"/api/v1/statuses/{parent}/context").json()["ancestors"]) == 1500

    def test_visibility(self, box: Running, social: httpx.Client) -> None:
        def add(**more: str) -> str:
            return str(box.control("POST", "/statuses", username="ines", text="#bravahelp psst", **more)["id"])

        unlisted, private, direct = add(visibility="unlisted"), add(visibility="private"), add(visibility="direct")
        listed = [s["id"] for s in social.get("/api/v1/timelines/tag/bravahelp").json()]
        assert unlisted not in listed
        answers = [social.get(f"/api/v1/statuses/{i}").status_code for i in (unlisted, private, direct)]
        assert answers == [200, 404, 404]

    def test_edit_and_delete(self, social: httpx.Client) -> None:
        made = social.post("/api/v1/statuses", json={"status": "Recall: check the boilr."}).json()["id"]
        edited = social.put(f"/api/v1/statuses/{made}", json={"status": "Recall: check the boiler."}).json()
        assert edited["edited_at"]
        assert len(social.get(f"/api/v1/statuses/{made}/history").json()) == 2
        assert social.get(f"/api/v1/statuses/{made}/source").json()["text"].endswith("boiler.")
        assert social.delete(f"/api/v1/statuses/{milk_root(social)['id']}").status_code == 404
        assert social.delete(f"/api/v1/statuses/{made}").json()["text"].endswith("boiler.")
        assert social.get(f"/api/v1/statuses/{made}").status_code == 404

    def test_staff_handle_reports(self, box: Running, social: httpx.Client) -> None:
        box.control("POST", "/reports", username="ines", target="tomoko", comment="spam")
        report = social.get("/api/v1/admin/reports").json()[0]
        assert social.get("/api/v1/notifications").json()[0]["type"] == "admin.report"
        target = report["target_account"]["id"]
        act = {"type": "silence", "report_id": report["id"]}
        assert social.post(f"/api/v1/admin/accounts/{target}/action", json=act).status_code == 200
        assert social.get(f"/api/v1/admin/accounts/{target}").json()["silenced"] is True
        assert social.post(f"/api/v1/admin/accounts/{target}/unsilence").json()["silenced"] is False
        assert social.post(f"/api/v1/admin/reports/{report['id']}/reopen").json()["action_taken"] is False
        assert social.post(f"/api/v1/admin/reports/{report['id']}/resolve").json()["action_taken"] is True

    def test_rate_headers_and_the_limit(self) -> None:
        with running_sandbox(mastodon_calls_per_5_minutes=1) as box:
            first, second = (box.client.get("/api/v1/timelines/home", headers=box.mastodon.headers) for _ in range(2))
        assert (first.status_code, first.headers["X-RateLimit-Remaining"]) == (200, "0")
        assert first.headers["X-RateLimit-Reset"].endswith("Z")
        assert second.status_code == 429
        assert "Retry-After" not in second.headers

    @pytest.mark.parametrize(
        ("headers", "status"), [({}, 401), ({"Authorization": "Bearer nonsense"}, 401)], ids=["none", "bad"]
    )
    def test_without_a_token(self, box: Running, headers: dict[str, str], status: int) -> None:
        answer = box.client.get("/api/v1/timelines/home", headers=headers)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/instance",
            "/api/v2/instance",
            "/.well-known/nodeinfo",
            "/nodeinfo/2.0",
            "/api/v1/preferences",
            "/.well-known/oauth-authorization-server",
            "/api/v1/timelines/public",
            "/api/v1/lists",
            "/api/v1/markers",
            "/api/v1/accounts/lookup?acct=ines",
            "/api/v2/search?q=%40ines",
        ],
    )
    def test_the_other_pages_answer(self, social: httpx.Client, path: str) -> None:
        assert social.get(path).status_code == 200

    def test_no_streaming(self, social: httpx.Client) -> None:
        assert social.get("/api/v1/streaming/user").status_code == 404


def _text(notification: dict[str, Any]) -> str:
    return str(notification["status"]["content"]).split("</span> ")[-1].removesuffix("</p>")


def _account(box: Running, name: str) -> Any:
    return box.world.fedi.account_named(name)


class TestOAuth:
    def test_code_with_pkce(self, box: Running) -> None:
        form = {"client_name": "Tenth", "redirect_uris": "http://127.0.0.1/back", "scopes": ALL_SCOPES}
        app = box.client.post("/api/v1/apps", data=form).json()
        verifier = "v" * 50
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {"client_id": app["client_id"], "redirect_uri": "http://127.0.0.1/back", "response_type": "code"}
        asked |= {"scope": "read:accounts", "state": "s", "code_challenge": challenge, "code_challenge_method": "S256"}
        assert "<option>ines</option>" in box.client.get("/oauth/authorize", params=asked).text

        def redeem(given: str) -> httpx.Response:
            back = box.client.post("/oauth/authorize", data=asked | {"username": "ines"})
            answer = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
            assert answer["state"] == "s"
            form = {"grant_type": "authorization_code", "code": answer["code"], "code_verifier": given}
            form |= {k: app[k] for k in ("client_id", "client_secret")} | {"redirect_uri": "http://127.0.0.1/back"}
            return box.client.post("/oauth/token", data=form)

        assert redeem("wrong").json()["error"] == "invalid_grant"
        token = redeem(verifier).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        me = box.client.get("/api/v1/accounts/verify_credentials", headers=bearer).json()
        assert me["username"] == "ines"
        assert box.client.post("/api/v1/statuses", json={"status": "x"}, headers=bearer).status_code == 403

    def test_an_apps_own_token_and_its_end(self, box: Running) -> None:
        keys = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        made = box.client.post("/oauth/token", data=keys | {"grant_type": "client_credentials"}).json()
        bearer = {"Authorization": f"Bearer {made['access_token']}"}
        assert box.client.get("/api/v1/timelines/home", headers=bearer).status_code == 422
        box.client.post("/oauth/revoke", data=keys | {"token": made["access_token"]})
        assert box.client.get("/api/v1/timelines/home", headers=bearer).status_code == 401


class TestFaults:
    def test_the_shapes_of_too_many_requests(self, box: Running, forum: httpx.Client, social: httpx.Client) -> None:
        box.fail("discourse_429", path="/posts", method="POST", seconds=7)
        limited = forum.post("/posts.json", json={"topic_id": 1, "raw": REPLY})
        assert (limited.status_code, limited.json()["extras"]["wait_seconds"]) == (429, 7)
        box.fail("discourse_global_429", path="/posts")
        everywhere = forum.get("/posts.json")
        assert "Content-Type" not in everywhere.headers
        assert everywhere.headers["Discourse-Rate-Limit-Error-Code"] == "ip_60_secs_limit"
        box.fail("mastodon_429", path="/api/v1/notifications")
        paced = social.get("/api/v1/notifications")
        assert (paced.status_code, "Retry-After" in paced.headers) == (429, False)
        assert social.get("/api/v1/notifications").status_code == 200

    @pytest.mark.parametrize(("kind", "happened"), [("timeout_before", 0), ("timeout_after", 1)])
    def test_silence_before_and_after_the_effect(
        self, box: Running, forum: httpx.Client, kind: str, happened: int
    ) -> None:
        before = len(box.world.forum.posts)
        silence = box.fail(kind, path="/posts.json", method="POST")
        with pytest.raises(httpx.ReadTimeout):
            forum.post("/posts.json", json={"topic_id": 1, "raw": REPLY}, timeout=httpx.Timeout(60, read=0.3))
        until(lambda: silence.silences == 1)
        assert len(box.world.forum.posts) == before + happened

    def test_the_effect_can_come_late(
        self, box: Running, social: httpx.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late, act = threading.Event(), Gate._act_late

        def when_told(gate: Gate, delay: float, environ: Any) -> None:
            assert late.wait(60)
            act(gate, delay, environ)

        monkeypatch.setattr(Gate, "_act_late", when_told)
        box.fail("late_effect", path="/api/v1/statuses", method="POST", delay=0.1, seconds=0.1)
        before = len(box.world.fedi.statuses)
        with pytest.raises(httpx.RemoteProtocolError):
            social.post("/api/v1/statuses", json={"status": REPLY})
        assert len(box.world.fedi.statuses) == before
        late.set()
        until(lambda: len(box.world.fedi.statuses) == before + 1)

    def test_bodies_that_lie(self, box: Running, forum: httpx.Client) -> None:
        def spoiled(kind: str, **settings: Any) -> httpx.Response:
            box.fail(kind, path="/site.json", **settings)
            return forum.get("/site.json")

        assert spoiled("server_error", status=502).status_code == 502
        assert spoiled("redirect").headers["Location"].startswith("http://169.254.")
        assert spoiled("wrong_type").headers["Content-Type"] == "text/html"
        assert spoiled("empty").content == b""
        assert "\x00" in json.loads(spoiled("null_bytes").content)["archetypes"][0]["id"]
        with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
            json.loads(spoiled("broken_json").content)
        with pytest.raises(UnicodeDecodeError):
            spoiled("invalid_utf8").content.decode()

    def test_a_bomb_is_small_until_unpacked(self, box: Running) -> None:
        box.fail("gzip_bomb", path="/site.json")
        with box.client.stream("GET", "/site.json", headers=box.discourse.headers) as answer:
            packed = b"".join(answer.iter_raw())
        assert len(packed) < 100_000
        assert len(gzip.decompress(packed)) == 64 * 1024 * 1024

    def test_a_drip(self, box: Running, forum: httpx.Client) -> None:
        box.fail("drip", path="/site.json")
        with forum.stream("GET", "/site.json") as answer:
            assert len(next(answer.iter_raw())) == 1

    def test_faults_by_the_control_api(self, box: Running, forum: httpx.Client) -> None:
        box.control("POST", "/faults", kind="server_error", path="/site.json", times=2)
        assert [forum.get("/site.json").status_code for _ in range(3)] == [500, 500, 200]
        with pytest.raises(httpx.HTTPStatusError):
            box.control("POST", "/faults", kind="earthquake")
        assert box.control("DELETE", "/faults") == []


class Receiver:
    """Keeps every delivery it is sent: headers and raw body."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def events(self) -> list[str]:
        return [headers["X-Discourse-Event"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


class TestWebhooks:
    def test_deliveries_are_signed_over_the_raw_body(
        self, box: Running, forum: httpx.Client, receiver: Receiver
    ) -> None:
        hook = {"payload_url": receiver.url, "secret": "s3cret"}
        assert forum.post("/admin/api/web_hooks", json={"web_hook": hook}).json()["web_hook"]["active"] is True
        box.control("POST", "/posts", username="ines", text="à l'aide, encore", topic_id=1)
        until(lambda: receiver.events() == ["ping", "post_created"])
        headers, body = receiver.got[1]
        assert headers["X-Discourse-Event-Signature"] == sign("s3cret", body)
        assert (headers["X-Discourse-Event-Type"], headers["X-Discourse-Instance"]) == ("post", box.url)
        assert json.loads(body)["post"]["raw"] == "à l'aide, encore"

    def test_the_published_test_vector(self) -> None:
        expected = "sha256=162f107f6b5022353274eb1a7197885cfd35744d8d08e5bcea025d309386b7d6"
        assert sign("my_lovely_secret_for_web_hook", b'{"ping":"OK"}') == expected

    def test_private_messages_are_delivered_too(self, box: Running, receiver: Receiver) -> None:
        box.control("POST", "/webhooks", url=receiver.url)
        box.control("POST", "/posts", username="ines", text="only for you", private=True)
        until(lambda: "post_created" in receiver.events())
        body = json.loads(receiver.got[receiver.events().index("post_created")][1])
        assert body["post"]["topic_archetype"] == "private_message"

    def test_doubled_reversed_replayed_and_badly_signed(self, box: Running, receiver: Receiver) -> None:
        box.control("POST", "/webhooks", url=receiver.url)
        box.control("PUT", "/webhooks/mode", hold=True, copies=2, signature="bad")
        made = box.control("POST", "/posts", username="ines", text="first", topic_id=1)["id"]
        box.control("PUT", f"/posts/{made}", text="second")
        box.control("PUT", "/webhooks/mode", signature="none", copies=1)
        box.control("DELETE", f"/posts/{made}")
        assert box.control("POST", "/webhooks/release", reverse=True) == {"sent": 5}
        until(lambda: len(receiver.got) == 6)
        assert receiver.events()[1:] == ["post_destroyed", *["post_edited"] * 2, *["post_created"] * 2]
        assert "X-Discourse-Event-Signature" not in receiver.got[1][0]
        headers, body = receiver.got[2]
        assert headers["X-Discourse-Event-Signature"] != sign(box.discourse.webhook_secret, body)
        until(box.world.webhooks.idle)
        assert box.control("POST", "/webhooks/replay", event_id=int(headers["X-Discourse-Event-Id"])) == {"sent": 1}
        until(lambda: len(receiver.got) == 7)
        assert receiver.got[6][1] == body

    def test_a_dead_target_is_noted(self, box: Running) -> None:
        box.control("POST", "/webhooks", url="http://127.0.0.1:9/none")
        until(lambda: bool(box.control("GET", "/webhooks")["sent"]))
        assert box.control("GET", "/webhooks")["sent"][0]["answer"] == "ConnectError"


class TestPages:
    def test_a_person_can_follow_a_link_to_public_words_only(self, box: Running, social: httpx.Client) -> None:
        root = milk_root(social)
        assert "Twice, with vinegar." in box.client.get(root["url"]).text
        assert "Unplug it first" in box.client.get("/t/leaking-machine/1/2").text
        assert box.client.get("/t/recall-notice-draft/2").status_code == 404
        box.control("PUT", f"/statuses/{root['id']}", visibility="private")
        assert box.client.get(root["url"]).status_code == 404


class TestControl:
    def test_state_and_answers(self, box: Running) -> None:
        state = box.control("GET", "/state")
        assert (state["forum"]["posts"], state["fediverse"]["statuses"]) == (4, 5)
        assert box.control("GET", "/answers")[0]["key"] == "leak"

    def test_a_status_becomes_private(self, box: Running, social: httpx.Client) -> None:
        newest = social.get("/api/v1/timelines/tag/bravahelp").json()[0]["id"]
        box.control("PUT", f"/statuses/{newest}", visibility="private")
        assert social.get(f"/api/v1/statuses/{newest}").status_code == 404

    def test_a_topic_becomes_private(self, box: Running, forum: httpx.Client) -> None:
        box.control("PUT", "/posts/1", private=True)
        assert forum.get("/t/1.json", headers=acting_as(box, "tomoko")).status_code == 403

    def test_many_at_once(self, box: Running) -> None:
        def say(n: int) -> None:
            box.control("POST", "/statuses", username="ines", text=f"@brava number {n}")

        threads = [threading.Thread(target=say, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert box.control("GET", "/state")["fediverse"]["statuses"] == 17


class TestProcess:
    def test_it_says_where_it_is_and_leaves_when_told(self) -> None:
        pytest.importorskip("service.sandbox.writer")
        command = [sys.executable, "-m", "service.sandbox", "--seed", "10"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                ready = json.loads(process.stdout.readline())
                keys = ready["discourse"]
                headers = {"Api-Key": keys["api_key"], "Api-Username": keys["api_username"]}
                answer = httpx.get(
                    f"{ready['url']}/posts.json", headers=headers, timeout=60, trust_env=False, verify=NO_TLS
                )
            finally:
                process.terminate()
            assert process.wait(timeout=60) == 0
            assert answer.status_code == 200
