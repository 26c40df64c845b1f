"""Private words to one member over the Mastodon API: never public, to nobody else, never twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Gone, Permanent, Receipt
from plugins.mastodon.deliveries import Own
from plugins.mastodon.notices import _is_private, unnamed
from plugins.mastodon.session import MastodonSession
from service.sandbox.fediverse import Account, Fediverse, Status, Wish
from tests.plugins.mastodon.making import opened, rounds, utc_now
from tests.plugins.mastodon.recorded import exchange, needs_recordings
from tests.sandbox_server import Running, running_sandbox

WORDS = "Your post was hidden. “You, @ines, are a fool” is against the rules: https://tenth.example/appeal/abc"


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def fedi(box: Running) -> Fediverse:
    return box.world.fedi


@pytest.fixture
def session(box: Running) -> Iterator[MastodonSession]:
    with opened(box.mastodon.url, box.mastodon.token) as made:
        yield made


def named(fedi: Fediverse, name: str) -> Account:
    found = fedi.account_named(name)
    assert found is not None
    return found


def notice(fedi: Fediverse, name: str = "tomoko", text: str = WORDS) -> Act:
    return Act(7, Capability.NOTIFY, named(fedi, name).id, text, "key-7")


def perform(session: MastodonSession, wanted: Act) -> Receipt:
    return session.perform(Permit(7, "ann", wanted.kind, wanted.target, utc_now()), wanted)


def own(fedi: Fediverse) -> list[Status]:
    return fedi.posts_of(named(fedi, "brava"))


def careless(fedi: Fediverse, monkeypatch: pytest.MonkeyPatch, **change: Any) -> None:
    """A server that makes something else of a status than it was asked."""
    post = fedi.post

    def otherwise(wish: Wish) -> Status:
        return post(replace(wish, **change))

    monkeypatch.setattr(fedi, "post", otherwise)


@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", ""])
def test_a_message_that_others_would_see_is_taken_down_at_once(
    session: MastodonSession, fedi: Fediverse, monkeypatch: pytest.MonkeyPatch, visibility: str
) -> None:
    before = len(own(fedi))
    careless(fedi, monkeypatch, visibility=visibility)
    with pytest.raises(Permanent, match="taken down"):
        perform(session, notice(fedi))
    assert len(own(fedi)) == before


@pytest.mark.parametrize("text", ["Nobody is named.", "@tomoko and @ines, listen."])
def test_a_message_that_reached_nobody_or_others_too_is_taken_down(
    session: MastodonSession, fedi: Fediverse, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    before = len(own(fedi))
    careless(fedi, monkeypatch, text=text)
    with pytest.raises(Permanent, match="taken down"):
        perform(session, notice(fedi))
    assert len(own(fedi)) == before


def test_what_cannot_be_taken_down_is_said(
    session: MastodonSession, box: Running, fedi: Fediverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless(fedi, monkeypatch, visibility="public")
    box.fail("server_error", method="DELETE", status=503)
    with pytest.raises(Permanent, match="Delete it there now"):
        perform(session, notice(fedi))


def test_one_member_and_nobody_else_reads_it(session: MastodonSession, fedi: Fediverse) -> None:
    perform(session, notice(fedi))
    made = own(fedi)[-1]
    assert made.visibility == "direct"
    assert made.mentions == [named(fedi, "tomoko").id], "a name that is quoted is told nothing"
    assert not fedi.sees(named(fedi, "ines"), made)
    deliveries, _ = rounds(session)
    assert not any(b"appeal/abc" in one.body for one in deliveries)


@pytest.mark.parametrize("target", ["", ".", "..", "nobody", "../../accounts/1"])
def test_a_target_that_is_no_account_gets_nothing(session: MastodonSession, fedi: Fediverse, target: str) -> None:
    before = len(own(fedi))
    with pytest.raises((Permanent, Gone)):
        perform(session, Act(7, Capability.NOTIFY, target, WORDS, "key-7"))
    with pytest.raises(Permanent):
        perform(session, notice(fedi, "brava"))
    with pytest.raises(Permanent):
        perform(session, notice(fedi, text="  "))
    assert len(own(fedi)) == before


def test_it_is_found_by_its_words_its_reader_and_its_time(session: MastodonSession, fedi: Fediverse) -> None:
    since = utc_now() - timedelta(minutes=1)
    receipt = perform(session, notice(fedi))
    found = session.find_existing(notice(fedi), since)
    assert found is not None
    assert found.remote_id == receipt.remote_id
    assert session.find_existing(notice(fedi, "ines"), since) is None
    assert session.find_existing(notice(fedi, text="Other words."), since) is None
    assert session.find_existing(notice(fedi), utc_now() + timedelta(minutes=1)) is None


def test_the_same_key_makes_no_second_message(session: MastodonSession, fedi: Fediverse) -> None:
    perform(session, notice(fedi))
    before = len(own(fedi))
    perform(session, notice(fedi))
    assert len(own(fedi)) == before


@given(st.lists(st.sampled_from(["@ines", "@a@b.example", "＠ines", "a@b.example", " ", "\n", "(@x)", "@", "é"])))
def test_words_name_nobody_and_stay_the_same_words(pieces: list[str]) -> None:
    text = "".join(pieces)
    made = unnamed(text)
    assert made.replace("\u200b", "") == text
    assert unnamed(made) == made
    starts = [i for i, sign in enumerate(made) if sign in "@＠" and (i == 0 or made[i - 1] in " \n(")]
    assert all(i + 1 == len(made) or not made[i + 1].isalnum() for i in starts)


@needs_recordings
@pytest.mark.parametrize(("server", "name"), [("gotosocial", "122-direct-reply"), ("takahe", "118-direct-reply")])
def test_real_servers_answer_so_that_it_can_be_told(server: str, name: str) -> None:
    made = exchange(server, name)["response"]["body"]
    own, reader = Own(made["account"]["id"], "brand@social.example"), made["mentions"][0]["id"]
    assert _is_private(made, Act(7, Capability.NOTIFY, reader, WORDS), own)
    assert not _is_private(made, Act(7, Capability.NOTIFY, "somebody else", WORDS), own)
    assert not _is_private(made | {"visibility": "public"}, Act(7, Capability.NOTIFY, reader, WORDS), own)
