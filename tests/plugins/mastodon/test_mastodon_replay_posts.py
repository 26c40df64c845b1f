"""Our own posts on real servers, as recorded: their limits, pictures, edits and deletions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, ConnectorError, Gone, Image, Limits, Permanent, Receipt
from plugins.mastodon.limits import limits_of
from plugins.mastodon.session import MastodonSession
from tests.contract.pictures import png
from tests.plugins.mastodon.making import opened
from tests.plugins.mastodon.recorded import SERVERS, exchange, needs_recordings, replaying
from tests.plugins.mastodon.test_mastodon_replay import ROOTS

pytestmark = needs_recordings

PUDDLE = Image("image/png", png(), "A small puddle under an espresso machine")
SINCE = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
AFTER = "Recall notice: check the batch number on the boiler."
BEFORE = "Recall notice: check the batch number on the boilr."
FILES = {
    "gotosocial": {"upload": "77-media-upload-v2", "edit": "86-edit", "source": "85-source", "delete": "94-delete"},
    "takahe": {"upload": "73-media-upload-v2", "edit": "82-edit", "source": "81-source", "delete": "90-delete"},
}
REPLY = {"gotosocial": "60-reply", "takahe": "57-reply"}


def soon() -> datetime:
    return datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


def perform(session: MastodonSession, act: Act) -> Receipt:
    return session.perform(Permit(act.action_id, "p", act.kind, "m", soon()), act)


def recorded_id(server: str, what: str) -> str:
    return str(exchange(server, FILES[server][what])["request"]["path"].split("/")[4])


@pytest.mark.parametrize(("server", "form"), [(s, f) for s in SERVERS for f in ("01-instance-v1", "02-instance-v2")])
def test_limits_are_read_from_either_form(server: str, form: str) -> None:
    found = limits_of(exchange(server, form)["response"]["body"], pictures=True)
    most, images, size = (5_000, 6, 41_943_040) if server == "gotosocial" else (500, 4, 10_485_760)
    assert (found.most, found.images, found.image_bytes) == (most, images, size)
    assert found.link is None, "neither makes anything of a link's length"
    assert {"image/png", "image/jpeg", "image/webp"} <= set(found.image_types)
    assert all(one.startswith("image/") for one in found.image_types)
    assert (found.alt, found.least, found.edits, found.deletes) == (1_500, 1, True, True)


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ({}, (500, 23, 4)),
        ({"version": "4.3.0", "configuration": {"statuses": {"max_characters": 1000}}}, (1000, 23, 4)),
        ({"version": "4.3.0+glitch", "max_toot_chars": 2000}, (2000, 23, 4)),
        ({"version": "2.7.2 (compatible; Akkoma 3.10.4-0-gebfb617)", "max_toot_chars": 5000}, (5000, None, 4)),
        ({"configuration": {"statuses": {"max_characters": True, "max_media_attachments": -3}}}, (500, 23, 4)),
        ({"configuration": []}, (500, 23, 4)),
    ],
)
def test_limits_that_are_missing_or_strange_are_mastodons(instance: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = limits_of(instance, pictures=True)
    assert (found.most, found.link, found.images) == expected
    assert limits_of(instance, pictures=False).images == 0
    assert Limits.read(found.to_json()) == found


@pytest.mark.parametrize("server", SERVERS)
def test_the_check_tells_the_limits(server: str) -> None:
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        limits = session.check().limits
    assert limits.most == (5_000 if server == "gotosocial" else 500)
    assert limits.images > 0


@pytest.mark.parametrize("server", SERVERS)
def test_a_picture_goes_before_the_answer_that_shows_it(server: str) -> None:
    parent = ROOTS[server]
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        replay.pinned["POST /api/v1/statuses"] = REPLY[server]
        perform(session, Act(1, Capability.REPLY, parent, "Please cool it.", "k", images=(PUDDLE,)))
        writes = [path for method, path in replay.asked if method == "POST"]
        picture, answer = replay.sent
    made = exchange(server, FILES[server]["upload"])["response"]["body"]["id"]
    assert writes == ["/api/v2/media", "/api/v1/statuses"]
    assert PUDDLE.body in picture
    assert PUDDLE.alt.encode() in picture
    assert parse_qs(answer.decode())["media_ids[]"] == [made]


@pytest.mark.parametrize("server", SERVERS)
def test_a_file_that_is_no_picture_is_a_refusal_or_a_later_try(server: str) -> None:
    parent = ROOTS[server]
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        number = "80" if server == "gotosocial" else "76"
        replay.pinned["POST /api/v2/media"] = f"{number}-media-upload-not-an-image"
        with pytest.raises(ConnectorError, match=r"processing media|did not arrive"):
            perform(session, Act(1, Capability.REPLY, parent, "Please cool it.", "k", images=(PUDDLE,)))
        assert ("POST", "/api/v1/statuses") not in replay.asked


@pytest.mark.parametrize("server", SERVERS)
def test_an_edit_sends_all_that_shall_stay(server: str) -> None:
    ours = recorded_id(server, "edit")
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        receipt = perform(session, Act(2, Capability.EDIT, ours, AFTER, options={"language": "en"}))
        (form,) = replay.sent
    assert (receipt.remote_id, receipt.at.date()) == (ours, SINCE.date())
    assert parse_qs(form.decode()) == {"status": [AFTER], "sensitive": ["false"], "language": ["en"]}


@pytest.mark.parametrize("server", SERVERS)
def test_the_source_tells_whether_an_edit_happened(server: str) -> None:
    ours = recorded_id(server, "source")
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        assert session.find_existing(Act(2, Capability.EDIT, ours, AFTER), SINCE) is None
        assert session.find_existing(Act(2, Capability.EDIT, ours, BEFORE), SINCE) is not None


@pytest.mark.parametrize("server", SERVERS)
def test_a_deleted_post_is_gone_and_its_deletion_found(server: str) -> None:
    ours = recorded_id(server, "delete")
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        found = session.find_existing(Act(3, Capability.DELETE, ours), SINCE)
        with pytest.raises(Gone):
            perform(session, Act(3, Capability.DELETE, ours))
        assert replay.sent == []
    assert found is not None
    assert found.remote_id == ours


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", [Capability.EDIT, Capability.DELETE])
def test_somebody_elses_post_is_not_even_tried(server: str, kind: Capability) -> None:
    theirs = ROOTS[server]
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        with pytest.raises(Permanent, match="somebody else"):
            perform(session, Act(2, kind, theirs, "No."))
        assert replay.sent == []
