"""Answering in public: refusals first, then the shape of the answer, then finding it again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, MissingRight, Permanent, Temporary
from plugins.mastodon import client as client_module
from plugins.mastodon.session import MastodonSession
from service.sandbox.fediverse import Status
from tests.plugins.mastodon.making import opened, utc_now
from tests.plugins.mastodon.test_mastodon_poll import milk, say
from tests.sandbox_server import Running, running_sandbox

PERMIT = Permit(1, "p", Capability.REPLY, "m", utc_now())


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def session(box: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[MastodonSession]:
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 0.4)
    with opened(box.mastodon.url, box.mastodon.token) as made:
        yield made


def act(target: str, text: str = "We are on it.", **options: Any) -> Act:
    return Act(1, Capability.REPLY, target, text, "key-1", options)


def posted(box: Running) -> list[Status]:
    brand = box.world.fedi.account_named("brava")
    assert brand is not None
    return [one for one in box.world.fedi.statuses.values() if one.account_id == brand.id]


@pytest.mark.parametrize(
    "permit", [Permit(2, "p", Capability.REPLY, "m", utc_now()), Permit(1, "p", Capability.HIDE, "m", utc_now())]
)
def test_a_permit_for_another_act_is_refused(box: Running, session: MastodonSession, permit: Permit) -> None:
    with pytest.raises(Permanent):
        session.perform(permit, act(milk(box).id))
    assert posted(box) == []


@pytest.mark.parametrize("visibility", ["direct", "private"])
def test_private_posts_are_never_answered(box: Running, session: MastodonSession, visibility: str) -> None:
    secret = say(box, "ines", "@brava psst", visibility=visibility)
    with pytest.raises(Gone):
        session.perform(PERMIT, act(secret.id))
    assert posted(box) == []


def test_deleted_posts_empty_texts_and_other_acts_are_refused(box: Running, session: MastodonSession) -> None:
    with pytest.raises(Gone):
        session.perform(PERMIT, act("0"))
    with pytest.raises(Permanent):
        session.perform(PERMIT, act(milk(box).id, "  "))
    with pytest.raises(Permanent):
        session.perform(PERMIT, act(milk(box).id, visibility="direct"))
    with pytest.raises(Permanent):
        session.perform(PERMIT, Act(1, Capability.HIDE, milk(box).id))
    assert posted(box) == []


def test_a_token_that_may_only_read_names_the_missing_right(box: Running) -> None:
    with box.world.lock:
        token = box.world.access.tokens[box.mastodon.token]
        app = box.world.access.apps[token.client_id]
        box.world.issue(app, token.account_id, "read:accounts read:statuses", "read-only")
    with opened(box.mastodon.url, "read-only", lists=("Open cases",)) as session:
        check = session.check()
        assert check.may == frozenset()
        missing = [one.split(": ")[0] for one in check.missing]
        assert missing == ["read:notifications", "write:statuses", "write:media", "read:lists"]
        with pytest.raises(MissingRight):
            session.perform(PERMIT, act(milk(box).id))


def test_an_answer_names_its_reader_and_keeps_the_warning_and_the_visibility(
    box: Running, session: MastodonSession
) -> None:
    parent = say(box, "tomoko", "@brava quietly", visibility="unlisted")
    parent.versions[-1] = type(parent.versions[-1])(parent.text, "burns", parent.created_at)
    receipt = session.perform(PERMIT, act(parent.id))
    (answer,) = posted(box)
    assert receipt.remote_id == answer.id
    assert receipt.url.startswith(box.mastodon.url)
    assert (answer.text, answer.visibility, answer.spoiler) == ("@tomoko We are on it.", "unlisted", "burns")
    assert answer.in_reply_to == parent.id


@pytest.mark.parametrize(
    ("parent", "wished", "given"), [("public", "unlisted", "unlisted"), ("unlisted", "public", "unlisted")]
)
def test_the_visibility_is_never_widened(
    box: Running, session: MastodonSession, parent: str, wished: str, given: str
) -> None:
    session.perform(PERMIT, act(say(box, "ines", "@brava", visibility=parent).id, visibility=wished))
    assert posted(box)[0].visibility == given


@pytest.mark.parametrize("text", ["@ines we are on it", "Yes @ines, we are", "@Ines: yes."])
def test_a_name_that_is_there_is_not_put_twice(box: Running, session: MastodonSession, text: str) -> None:
    session.perform(PERMIT, act(say(box, "ines", "@brava ?").id, text))
    assert posted(box)[0].text == text


def test_a_similar_name_is_another_name(box: Running, session: MastodonSession) -> None:
    session.perform(PERMIT, act(say(box, "ines", "@brava ?").id, "As @inesita says"))
    assert posted(box)[0].text == "@ines As @inesita says"


def test_the_same_act_twice_is_one_post_where_the_key_is_honoured(box: Running, session: MastodonSession) -> None:
    first = session.perform(PERMIT, act(milk(box).id))
    assert session.perform(PERMIT, act(milk(box).id)).remote_id == first.remote_id
    assert len(posted(box)) == 1


def test_silence_after_the_send_is_ambiguous_and_the_post_is_found(box: Running, session: MastodonSession) -> None:
    before = utc_now() - timedelta(seconds=1)
    wanted = act(milk(box).id, "We are on it.\n\nSee https://brava.example/help & tell us.")
    assert session.find_existing(wanted, before) is None
    box.fail("timeout_after", path="/api/v1/statuses", method="POST", seconds=2)
    with pytest.raises(Ambiguous):
        session.perform(PERMIT, wanted)
    found = session.find_existing(wanted, before)
    assert found is not None
    assert found.remote_id == posted(box)[0].id
    assert session.find_existing(act(milk(box).id, "Something else"), before) is None
    assert session.find_existing(wanted, utc_now() + timedelta(minutes=1)) is None


def test_a_server_that_is_away_is_temporary(box: Running, session: MastodonSession) -> None:
    box.fail("server_error", path="/api/v1/statuses", method="POST", status=503)
    with pytest.raises(Temporary):
        session.perform(PERMIT, act(milk(box).id))
    assert posted(box) == []


def test_what_the_server_refuses_is_permanent(box: Running, session: MastodonSession) -> None:
    with pytest.raises(Permanent) as caught:
        session.perform(PERMIT, act(milk(box).id, "x" * 600))
    assert "500" in str(caught.value)
