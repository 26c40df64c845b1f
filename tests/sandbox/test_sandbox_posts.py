"""What the sandbox knows of pictures, edits, deletions and lengths, in the words of the real servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.sandbox import media_mastodon
from service.sandbox.counting import bare, status_length
from service.sandbox.discourse_shapes import cooked
from service.sandbox.media import MAX_BYTES, seen_as
from tests.contract.pictures import png
from tests.sandbox_server import NO_TLS, Running, running_sandbox

FILE = ("leak.png", png(), "image/png")


class Clock:
    """The time as it is, moved on by hand."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(clock: Clock) -> Iterator[Running]:
    with running_sandbox(now=clock) as running:
        yield running


@pytest.fixture
def fedi(box: Running) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=box.url, headers=box.mastodon.headers, timeout=60, trust_env=False, verify=NO_TLS
    ) as client:
        yield client


@pytest.fixture
def forum(box: Running) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=box.url, headers=box.discourse.headers, timeout=60, trust_env=False, verify=NO_TLS
    ) as client:
        yield client


def sent(fedi: httpx.Client, **form: Any) -> Any:
    return fedi.post("/api/v2/media", data=form, files={"file": FILE}).json()


def said(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body.get("error") or body["errors"][0]


class TestPictureForms:
    @pytest.mark.parametrize(
        ("body", "kind", "size"),
        [
            (png(7, 5), "png", (7, 5)),
            (b"GIF89a" + bytes([7, 0, 5, 0]), "gif", (7, 5)),
            (b"\xff\xd8\xff\xe0\x00\x04xx\xff\xc0\x00\x0b\x08\x00\x05\x00\x07\x01\x11", "jpg", (7, 5)),
            (b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + bytes([6, 0, 0, 4, 0, 0]), "webp", (7, 5)),
            (
                b"RIFF\x00\x00\x00\x00WEBPVP8L" + bytes(5) + (6 | 4 << 14).to_bytes(4, "little") + bytes(5),
                "webp",
                (7, 5),
            ),
            (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(10) + bytes([7, 0, 5, 0]), "webp", (7, 5)),
        ],
    )
    def test_kind_and_size_are_read_from_the_bytes(self, body: bytes, kind: str, size: tuple[int, int]) -> None:
        found = seen_as(body)
        assert found is not None
        assert (found.kind, (found.width, found.height)) == (kind, size)

    @pytest.mark.parametrize(
        "body", [b"", b"beans", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x02", b"GIF89a", b"RIFFxxxxWEBP"]
    )
    def test_anything_else_is_no_picture(self, body: bytes) -> None:
        assert seen_as(body) is None


class TestMastodonMedia:
    def test_a_picture_is_shown_once_it_is_in_a_post(self, box: Running, fedi: httpx.Client) -> None:
        made = sent(fedi, description="A puddle")
        assert (made["type"], made["description"], made["meta"]["original"]["size"]) == ("image", "A puddle", "64x48")
        assert box.client.get(made["url"]).status_code == 404
        post = fedi.post("/api/v1/statuses", data={"media_ids[]": made["id"]}).json()
        assert post["media_attachments"] == [made]
        shown = box.client.get(made["url"])
        assert (shown.content, shown.headers["content-type"]) == (FILE[1], "image/png")

    def test_what_is_no_picture_or_too_large_or_not_there_is_refused(self, fedi: httpx.Client) -> None:
        assert said(fedi.post("/api/v2/media", data={"description": "x"})) == (
            422,
            "Validation failed: File can't be blank",
        )
        wrong = fedi.post("/api/v2/media", files={"file": ("beans.txt", b"beans", "text/plain")})
        assert said(wrong) == (422, "Validation failed: File content type is invalid, File is invalid")
        large = fedi.post("/api/v2/media", files={"file": ("a.png", png() + b" " * MAX_BYTES, "image/png")})
        assert said(large) == (422, "Validation failed: File must be less than 4 MB")
        long = fedi.post("/api/v2/media", data={"description": "x" * 1501}, files={"file": FILE})
        assert said(long)[1].endswith("Description is too long (maximum is 1500 characters)")

    def test_a_large_picture_is_worked_on_first(self, fedi: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(media_mastodon, "SLOW_BYTES", 10)
        answer = fedi.post("/api/v2/media", files={"file": FILE})
        made = answer.json()
        assert (answer.status_code, made["url"]) == (202, None)
        early = fedi.post("/api/v1/statuses", data={"media_ids[]": made["id"]})
        assert said(early) == (422, "Cannot attach files that have not finished processing. Try again in a moment!")
        looks = [fedi.get(f"/api/v1/media/{made['id']}") for _ in range(2)]
        assert [look.status_code for look in looks] == [206, 200]
        assert looks[1].json()["url"]
        assert fedi.post("/api/v1/media", files={"file": FILE}).status_code == 200

    def test_only_ones_own_unused_pictures_can_be_attached_or_described(self, box: Running, fedi: httpx.Client) -> None:
        made = sent(fedi)
        assert fedi.put(f"/api/v1/media/{made['id']}", data={"description": "Later"}).json()["description"] == "Later"
        assert fedi.post("/api/v1/statuses", data={"status": "One", "media_ids[]": made["id"]}).status_code == 200
        again = fedi.post("/api/v1/statuses", data={"status": "Two", "media_ids[]": made["id"]})
        assert said(again) == (422, f"Media {made['id']} not found or already attached to another post")
        assert fedi.put(f"/api/v1/media/{made['id']}", data={"description": "x"}).status_code == 404
        many = fedi.post("/api/v1/statuses", data={"status": "Many", "media_ids[]": ["1", "2", "3", "4", "5"]})
        assert said(many) == (422, "Validation failed: Cannot attach more than 4 files")

    def test_the_right_to_send_pictures_is_one_of_its_own(self, box: Running, fedi: httpx.Client) -> None:
        with box.world.lock:
            token = box.world.access.tokens[box.mastodon.token]
            box.world.issue(box.world.access.apps[token.client_id], token.account_id, "write:statuses", "narrow")
        refused = fedi.post("/api/v2/media", files={"file": FILE}, headers={"Authorization": "Bearer narrow"})
        assert said(refused) == (403, "This action is outside the authorized scopes")

    def test_the_instance_tells_the_limits(self, fedi: httpx.Client) -> None:
        for form in ("v1", "v2"):
            told = fedi.get(f"/api/{form}/instance").json()["configuration"]
            assert told["media_attachments"]["image_size_limit"] == MAX_BYTES
            assert told["media_attachments"]["description_limit"] == 1500
            assert told["statuses"]["characters_reserved_per_url"] == 23


class TestMastodonEdits:
    def test_what_an_edit_leaves_out_is_taken_away(self, fedi: httpx.Client) -> None:
        form = {"status": "One", "spoiler_text": "steam", "language": "fr", "media_ids[]": sent(fedi)["id"]}
        made = fedi.post("/api/v1/statuses", data=form).json()
        assert (made["sensitive"], made["edited_at"]) == (True, None)
        edited = fedi.put(f"/api/v1/statuses/{made['id']}", data={"status": "Two"}).json()
        assert (edited["spoiler_text"], edited["sensitive"], edited["media_attachments"]) == ("", False, [])
        assert (edited["language"], edited["id"]) == ("fr", made["id"])
        assert edited["edited_at"] > made["created_at"]
        history = fedi.get(f"/api/v1/statuses/{made['id']}/history").json()
        assert [one["content"] for one in history] == ["<p>One</p>", "<p>Two</p>"]
        assert [len(one["media_attachments"]) for one in history] == [1, 0]

    def test_an_edit_without_a_change_makes_no_version(self, fedi: httpx.Client) -> None:
        made = fedi.post("/api/v1/statuses", data={"status": "One"}).json()
        assert fedi.put(f"/api/v1/statuses/{made['id']}", data={"status": "One"}).json()["edited_at"] is None
        assert len(fedi.get(f"/api/v1/statuses/{made['id']}/history").json()) == 1

    def test_an_edit_is_held_to_the_limits(self, fedi: httpx.Client) -> None:
        made = fedi.post("/api/v1/statuses", data={"status": "One"}).json()
        path = f"/api/v1/statuses/{made['id']}"
        assert said(fedi.put(path, data={"status": " "})) == (422, "Validation failed: Text can't be blank")
        assert "limit of 500" in said(fedi.put(path, data={"status": "x" * 501}))[1]
        assert said(fedi.put(path, data={"status": "x", "media_ids[]": "7"}))[1].startswith("Media 7 not found")

    def test_a_reply_keeps_whom_it_answered_when_the_post_is_gone(self, box: Running, fedi: httpx.Client) -> None:
        parent = box.control("POST", "/statuses", username="ines", text="@brava ?")
        made = fedi.post("/api/v1/statuses", data={"status": "@ines yes", "in_reply_to_id": parent["id"]}).json()
        box.control("DELETE", f"/statuses/{parent['id']}")
        after = fedi.get(f"/api/v1/statuses/{made['id']}").json()
        assert after["in_reply_to_account_id"] == parent["account"]["id"]


class TestMastodonLength:
    def test_links_count_23_and_the_warning_counts_too(self, fedi: httpx.Client) -> None:
        link = "https://brava.fr/" + "a" * 100
        assert fedi.post("/api/v1/statuses", data={"status": "x" * 476 + " " + link}).status_code == 200
        assert fedi.post("/api/v1/statuses", data={"status": "x" * 477 + " " + link}).status_code == 422
        assert fedi.post("/api/v1/statuses", data={"status": "y" * 499, "spoiler_text": "ab"}).status_code == 422

    @pytest.mark.parametrize(
        ("text", "length"),
        [("@ines@far.example.org ok", 8), ("a@b.c", 5), ("@a@b@c", 6), ("https://b.fr. ", 25), ("x/@ines@a.b", 11)],
    )
    def test_names_lose_their_domain_and_nothing_else_does(self, text: str, length: int) -> None:
        assert status_length(text) == length


class TestDiscourseUploads:
    def test_equal_pictures_are_kept_once_and_shown_in_posts(self, box: Running, forum: httpx.Client) -> None:
        first, second = (
            forum.post("/uploads.json", data={"type": "composer"}, files={"file": FILE}).json() for _ in range(2)
        )
        assert first == second
        assert (first["width"], first["height"], first["extension"]) == (64, 48, "png")
        raw = f"See the gasket here, please.\n\n![A <gasket>|64x48]({first['short_url']})"
        made = forum.post("/posts.json", json={"topic_id": 1, "raw": raw}).json()
        assert f'<img src="{first["short_path"]}" alt="A &lt;gasket&gt;" width="64" height="48">' in made["cooked"]
        assert box.client.get(first["short_path"]).content == FILE[1]
        assert cooked("![no picture](https://x.y/z.png)").startswith("<p>![no")

    def test_what_is_no_picture_or_too_large_or_not_named_is_refused(self, forum: httpx.Client) -> None:
        def refused(name: str, body: bytes, **form: str) -> tuple[int, str]:
            return said(forum.post("/uploads.json", data=form or {"type": "composer"}, files={"file": (name, body)}))

        assert refused("a.png", FILE[1], other="x")[0] == 400
        assert "not authorized" in refused("a.exe", FILE[1])[1]
        assert "corrupted" in refused("a.png", b"beans")[1]
        assert "maximum size is 4096 KB" in refused("a.png", FILE[1] + b" " * MAX_BYTES)[1]
        assert forum.post("/uploads.json", data={"type": "composer"}).status_code == 422

    def test_settings_are_told_to_whoever_signs_in(self, box: Running, forum: httpx.Client) -> None:
        told = forum.get("/site/settings.json").json()
        assert (told["min_post_length"], told["max_post_length"], told["max_image_size_kb"]) == (20, 32_000, 4096)
        assert box.client.get("/site/settings.json").status_code == 403


class TestDiscourseEdits:
    def edit(self, forum: httpx.Client, raw: str, **more: str) -> Any:
        answer = forum.put("/posts/5.json", json={"post": {"raw": raw} | more})
        return answer.json()["post"]

    @pytest.fixture(autouse=True)
    def ours(self, forum: httpx.Client) -> None:
        assert forum.post("/posts.json", json={"topic_id": 1, "raw": "We are looking into it."}).json()["id"] == 5

    def test_a_quick_edit_is_no_version_of_its_own_unless_it_has_a_reason(
        self, forum: httpx.Client, clock: Clock
    ) -> None:
        assert self.edit(forum, "We are looking into it now.")["version"] == 1
        assert self.edit(forum, "We are looking into it today.", edit_reason="clarity")["version"] == 2
        assert self.edit(forum, "We are looking into it today. " + "x" * 401)["version"] == 3
        clock.ahead = timedelta(minutes=6)
        assert self.edit(forum, "We have looked into it today.")["version"] == 4
        assert self.edit(forum, "We have looked into it today.  ")["version"] == 4, "nothing changed"

    def test_somebody_elses_edit_is_always_a_version(self, forum: httpx.Client) -> None:
        answer = forum.put("/posts/3.json", json={"post": {"raw": "Same here, the seal it was."}})
        assert answer.json()["post"]["version"] == 2

    def test_edits_are_held_to_the_limits_and_stop_in_the_archive(self, box: Running, forum: httpx.Client) -> None:
        for raw, words in (("Short. ...............", "too short (minimum is 20"), ("x" * 32_001, "you entered 32001")):
            assert words in said(forum.put("/posts/5.json", json={"post": {"raw": raw}}))[1]
        with box.world.lock:
            box.world.forum.topics[1].archived = True
        theirs = {"Api-Username": "tomoko"}
        change = {"post": {"raw": "Same here, the seal it was."}}
        assert forum.put("/posts/3.json", json=change, headers=theirs).status_code == 403

    def test_webhooks_tell_of_edits_and_deletions(self, box: Running, forum: httpx.Client) -> None:
        hooks = box.world.webhooks
        hooks.mode.hold = True
        with box.world.lock:
            hooks.subscribe("http://127.0.0.1:9/hook", box.discourse.webhook_secret)
        self.edit(forum, "We are looking into it now.")
        forum.delete("/posts/5.json")
        assert [one.event for one in hooks.held if one.type == "post"] == ["post_edited", "post_destroyed"]

    @pytest.mark.parametrize(("raw", "kept"), [("a <!-- b --> c", "a  c"), ("…....", "……"), (":a: :b:t3: ,,", "X X ,")])
    def test_decoration_does_not_count(self, raw: str, kept: str) -> None:
        assert bare(raw) == kept
