"""Edits and deletions of our own answers, and pictures: refusals first, then what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Gone, MissingRight, Permanent, RateLimited, Receipt, Temporary
from plugins.mastodon import media
from plugins.mastodon.session import MastodonSession
from service.sandbox import media_mastodon
from service.sandbox.fediverse import Status
from tests.contract.pictures import ALT, gasket, png
from tests.plugins.mastodon.making import opened, utc_now
from tests.plugins.mastodon.test_mastodon_poll import milk, say
from tests.sandbox_server import Running, running_sandbox


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def session(box: Running) -> Iterator[MastodonSession]:
    with opened(box.mastodon.url, box.mastodon.token) as made:
        yield made


def perform(session: MastodonSession, act: Act) -> Receipt:
    return session.perform(Permit(act.action_id, "p", act.kind, "m", utc_now()), act)


def reply(target: str, text: str = "We are on it.", **options: Any) -> Act:
    return Act(1, Capability.REPLY, target, text, "key-1", options)


def edit(target: str, text: str = "It is mended.", **options: Any) -> Act:
    return Act(2, Capability.EDIT, target, text, "key-2", options)


def delete(target: str) -> Act:
    return Act(3, Capability.DELETE, target, "", "key-3")


def warned(box: Running, warning: str) -> str:
    """A post of somebody with a content warning."""
    return str(box.control("POST", "/statuses", username="ines", text="@brava ?", spoiler_text=warning)["id"])


def status(box: Running, receipt: Receipt) -> Status:
    return box.world.fedi.statuses[receipt.remote_id]


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize("kind", [Capability.EDIT, Capability.DELETE])
def test_a_token_of_staff_changes_nobody_elses_post(box: Running, session: MastodonSession, kind: Capability) -> None:
    theirs = say(box, "ines", "@brava ?")
    with pytest.raises(Permanent, match="somebody else"):
        perform(session, Act(2, kind, theirs.id, "No."))
    assert box.world.fedi.statuses[theirs.id].text == "@brava ?"
    assert box.client.get("/api/v1/statuses/" + theirs.id, headers=box.mastodon.headers).json()["edited_at"] is None


def test_what_is_not_there_or_says_nothing_is_not_sent(box: Running, session: MastodonSession) -> None:
    made = perform(session, reply(milk(box).id))
    with pytest.raises(Permanent, match="empty"):
        perform(session, edit(made.remote_id, " \n"))
    for gone in (edit("0"), delete("0")):
        with pytest.raises(Gone):
            perform(session, gone)
    assert len(status(box, made).versions) == 1


def test_new_words_that_are_too_long_are_refused_in_the_servers_words(box: Running, session: MastodonSession) -> None:
    made = perform(session, reply(milk(box).id))
    with pytest.raises(Permanent, match="character limit of 500"):
        perform(session, edit(made.remote_id, "x" * 500))
    assert status(box, made).text == "@tomoko We are on it."


def test_a_token_without_the_right_to_send_pictures_can_still_answer(box: Running) -> None:
    with box.world.lock:
        token = box.world.access.tokens[box.mastodon.token]
        app = box.world.access.apps[token.client_id]
        box.world.issue(app, token.account_id, "read write:statuses", "no-pictures")
    with opened(box.mastodon.url, "no-pictures") as session:
        check = session.check()
        assert Capability.REPLY in check.may
        assert check.limits.images == 0
        assert [one.split(": ")[0] for one in check.missing] == ["write:media"]
        with pytest.raises(MissingRight) as caught:
            perform(session, replace(reply(milk(box).id), images=(gasket(),)))
    assert caught.value.missing == "write:media"


# ------------------------------------------------------------------ what an edit keeps


def test_an_edit_keeps_warning_sensitivity_language_pictures_and_the_readers_name(
    box: Running, session: MastodonSession
) -> None:
    made = perform(session, replace(reply(warned(box, "brûlure"), language="fr"), images=(gasket(),)))
    before = replace(status(box, made).versions[-1])
    receipt = perform(session, edit(made.remote_id, "C’est réparé."))
    after = status(box, made)
    assert after.text == "@ines C’est réparé."
    assert (after.spoiler, after.sensitive, after.language) == ("brûlure", True, "fr")
    assert after.versions[-1].media == before.media != ()
    assert (receipt.remote_id, receipt.url) == (made.remote_id, made.url)
    assert receipt.at >= made.at
    shown = box.client.get(f"/api/v1/statuses/{made.remote_id}", headers=box.mastodon.headers).json()
    assert shown["media_attachments"][0]["description"] == ALT
    assert shown["edited_at"] is not None


def test_an_edit_brings_another_warning_and_language_only_when_asked(box: Running, session: MastodonSession) -> None:
    made = perform(session, reply(milk(box).id, language="en"))
    perform(session, edit(made.remote_id, "@tomoko C’est réparé.", language="fr", content_warning="eau chaude"))
    after = status(box, made)
    assert (after.text, after.spoiler, after.language) == ("@tomoko C’est réparé.", "eau chaude", "fr")
    assert after.sensitive


def test_the_name_stays_when_the_post_that_was_answered_is_gone(box: Running, session: MastodonSession) -> None:
    parent = say(box, "ines", "@brava ?")
    made = perform(session, reply(parent.id))
    box.control("DELETE", f"/statuses/{parent.id}")
    perform(session, edit(made.remote_id))
    assert status(box, made).text == "@ines It is mended."


def test_a_change_of_one_letter_is_found_again_and_the_state_before_is_not(
    box: Running, session: MastodonSession
) -> None:
    made, since = perform(session, reply(milk(box).id, "we are on it")), utc_now() - timedelta(minutes=1)
    better = edit(made.remote_id, "We are on it")
    assert session.find_existing(better, since) is None
    perform(session, better)
    assert session.find_existing(better, since) is not None
    assert session.find_existing(replace(better, options={"content_warning": "steam"}), since) is None
    assert session.find_existing(edit(say(box, "ines", "@brava We are on it").id, "We are on it"), since) is None


def test_a_deletion_takes_the_pictures_down_and_is_found_again(box: Running, session: MastodonSession) -> None:
    made = perform(session, replace(reply(milk(box).id), images=(gasket(),)))
    body = box.client.get(f"/api/v1/statuses/{made.remote_id}", headers=box.mastodon.headers).json()
    address = body["media_attachments"][0]["url"]
    assert box.client.get(address).content == png()
    assert session.find_existing(delete(made.remote_id), utc_now()) is None
    assert perform(session, delete(made.remote_id)).url == made.url
    assert box.client.get(address).status_code == 404
    found = session.find_existing(delete(made.remote_id), utc_now())
    assert found is not None
    assert found.remote_id == made.remote_id


# ------------------------------------------------------------------ answers


def test_a_warning_that_is_given_takes_the_place_of_the_parents(box: Running, session: MastodonSession) -> None:
    parent = warned(box, "burns")
    kept = perform(session, reply(parent, content_warning=" "))
    given = perform(session, replace(reply(parent, "Another.", content_warning="steam"), idempotency_key="k"))
    assert (status(box, kept).spoiler, status(box, given).spoiler) == ("burns", "steam")


# ------------------------------------------------------------------ pictures


def test_a_picture_is_waited_for(box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_mastodon, "SLOW_BYTES", 0)
    monkeypatch.setattr(media, "PAUSE_SECONDS", 0.0)
    made = perform(session, replace(reply(milk(box).id), images=(gasket(), gasket("Another"))))
    assert len(status(box, made).versions[-1].media) == 2


def test_a_picture_that_takes_too_long_is_left_to_a_later_try(
    box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_mastodon, "SLOW_BYTES", 0)
    monkeypatch.setattr(media_mastodon, "LOOKS", 99)
    monkeypatch.setattr(media, "PAUSE_SECONDS", 0.0)
    act = replace(reply(milk(box).id), images=(gasket(),))
    with pytest.raises(Temporary, match="still works"):
        perform(session, act)
    assert session.find_existing(act, utc_now() - timedelta(minutes=1)) is None


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (replace(gasket(), body=b"beans"), "content type is invalid"),
        (gasket("x" * 1501), "Description is too long"),
        (gasket("  "), "no description"),
    ],
)
def test_a_picture_that_is_refused_ends_it(box: Running, session: MastodonSession, image: Any, words: str) -> None:
    with pytest.raises(Permanent, match=words):
        perform(session, replace(reply(milk(box).id), images=(image,)))


def test_a_description_that_was_cut_is_noticed(
    box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_mastodon, "_description", lambda asked: str(asked["description"])[:5])
    act = replace(reply(milk(box).id), images=(gasket(),))
    with pytest.raises(Permanent, match="description"):
        perform(session, act)
    assert session.find_existing(act, utc_now() - timedelta(minutes=1)) is None


def test_pictures_and_deletions_have_budgets_of_their_own(box: Running, session: MastodonSession) -> None:
    act = replace(reply(milk(box).id), images=(gasket(),))
    box.fail("mastodon_429", path="/api/v2/media", seconds=600)
    with pytest.raises(RateLimited):
        perform(session, act)
    with pytest.raises(RateLimited):
        perform(session, act)
    made = perform(session, reply(milk(box).id))
    assert session.find_existing(act, utc_now() - timedelta(minutes=1)) is not None
    assert made.remote_id
