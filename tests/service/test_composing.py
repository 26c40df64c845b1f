"""What holds for every answer, whatever is typed: never wider, never without its warning, never by the wrong person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from moderation.guards.contract import PASSED_BY
from moderation.policy import Level
from plugins.contract import Limits
from service.db.models import Author, Message
from service.db.reply_tables import BrandAccount, Reply
from service.usecases import composing, pictures, replies, saved, wording
from service.usecases.accounts import add_account, give_level
from service.usecases.people import known_person
from service.usecases.pictures import kind_of, largest
from service.usecases.replies import Changed, Words
from service.usecases.saved import Saved
from tests.service.acting_support import Desk, answering, live
from tests.service.test_replies import owner, row, somebody

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
texts = st.text(max_size=300)


@pytest.fixture(params=["discourse", "mastodon"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with answering(request.param, tmp_path) as found:
        live(found)
        yield found


def save(desk: Desk, reply_id: int, words: Words) -> Reply:
    replies.save(desk.deps, reply_id, row(desk, reply_id).version, words, owner(desk))
    return row(desk, reply_id)


# ------------------------------------------------------------------ always


@SLOW
@given(
    text=texts,
    wished=st.sampled_from(wording.WIDTH),
    parent=st.sampled_from(wording.WIDTH),
    warned=st.sampled_from(["", "burns"]),
    warning=st.text(max_size=20),
    reasons=st.dictionaries(st.sampled_from(["tone", "money", "unfilled", "gone", "nothing", "empty"]), texts),
)
def test_whatever_is_typed_is_never_wider_and_keeps_the_warning(
    desk: Desk, text: str, wished: str, parent: str, warned: str, warning: str, reasons: dict[str, str]
) -> None:
    with desk.deps.store.write() as session:
        session.execute(update(Message).values(visibility=parent, content_warning=warned))
    reply_id = replies.start(desk.deps, desk.case_id, owner(desk))
    kept = save(desk, reply_id, Words(text, warning, wished, reasons=reasons))
    text = text.replace("\0", "")
    assert kept.text == text
    assert wording.narrowness(kept.visibility) >= wording.narrowness(parent)
    assert not warned or kept.content_warning
    assert set(kept.overrides) <= {str(guard) for guard in PASSED_BY}
    shown = composing.composer(desk.deps, reply_id, owner(desk))
    assert text.strip() in shown.shown or not text.strip()
    assert shown.left is None or shown.left == (shown.limits.most or 0) - shown.length


@given(st.binary(max_size=40))
def test_only_what_bytes_say_is_a_picture(body: bytes) -> None:
    starts = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
    known = body.startswith(starts) or (body[:4] == b"RIFF" and body[8:12] == b"WEBP")
    assert bool(kind_of(body)) is known


@given(st.integers(0, 10), st.integers(0, 100_000_000))
def test_a_picture_is_never_larger_than_we_or_the_platform_take(images: int, most: int) -> None:
    size = largest(Limits(images=images, image_bytes=most))
    assert size <= pictures.LARGEST
    assert size <= most or most == 0
    assert bool(size) is bool(images)


# ------------------------------------------------------------------ saved replies


@SLOW
@given(
    st.lists(st.sampled_from(["{name}", "{nom}", "{ NAME }", "{date}", "{}", "{1}", "text", "{{name}}"]), max_size=6)
)
def test_a_filled_reply_holds_no_blank_that_is_known(desk: Desk, parts: list[str]) -> None:
    text = " ".join(["Hello", *parts])
    given_ = Saved(0, "One", "en", text, False)
    kept = next((s.id for s in saved.saved_replies(desk.deps)), None)
    kept = saved.keep_reply(desk.deps, kept, given_, owner(desk))
    reply_id = replies.start(desk.deps, desk.case_id, owner(desk))
    filled = saved.filled(desk.deps, kept, reply_id)
    assert not [name for name in ("{name}", "{nom}", "{ NAME }") if name in filled]
    assert filled.count("{date}") == text.count("{date}")


# ------------------------------------------------------------------ accounts


def test_a_draft_changes_its_account_only_to_one_that_its_writer_may_use(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.SEND)
    with desk.deps.store.read() as session:
        first = session.scalars(select(BrandAccount)).one()
    second = _another(desk, first)
    reply_id = replies.start(desk.deps, desk.case_id, ada)
    version = row(desk, reply_id).version
    with pytest.raises(BadInput, match="brand account"):
        replies.save(desk.deps, reply_id, version, Words("x", account_id=second), ada)
    give_level(desk.deps, second, "ada", Level.DRAFT, "test")
    again = known_person(desk.deps, ada.id)
    assert again is not None
    replies.save(desk.deps, reply_id, version, Words("x", account_id=second), again)
    assert row(desk, reply_id).account_id == second
    shown = composing.composer(desk.deps, reply_id, again)
    assert [v.level for v in shown.voices] == [Level.SEND, Level.DRAFT]
    assert {"kind": "level", "value": "draft"} in shown.wants


def _another(desk: Desk, first: BrandAccount) -> int:
    with desk.deps.store.write() as session:
        copy = BrandAccount(connection_id=first.connection_id, handle="@second", created_at=desk.clock(), limits={})
        session.add(copy)
        session.flush()
        return copy.id


def test_an_account_of_no_connection_is_refused(desk: Desk) -> None:
    with pytest.raises(BadInput, match="no such connection"):
        add_account(desk.deps, 4711, {}, "test")


# ------------------------------------------------------------------ length, mention


def test_a_warning_counts_where_the_platform_has_them_and_what_just_fits_is_taken(desk: Desk) -> None:
    reply_id = replies.start(desk.deps, desk.case_id, owner(desk))
    bare = composing.composer(desk.deps, reply_id, owner(desk))
    warning = "Burns 👩🏽‍🔧, with a link: https://brava.example/"
    save(desk, reply_id, Words("x", warning))
    with_warning = composing.composer(desk.deps, reply_id, owner(desk))
    has_warnings = with_warning.limits.warnings
    assert (with_warning.place.shaded, bare.place.shaded) == (has_warnings, has_warnings)
    assert has_warnings is with_warning.place.label.startswith("Mastodon")
    if not has_warnings:
        return
    save(desk, reply_id, Words("x"))
    plain = composing.composer(desk.deps, reply_id, owner(desk)).length
    assert with_warning.length - plain == len(warning)
    save(desk, reply_id, Words("x" * (1 + (with_warning.left or 0)), warning))
    assert composing.composer(desk.deps, reply_id, owner(desk)).left == 0
    save(desk, reply_id, Words("x" * (2 + (with_warning.left or 0)), warning))
    with pytest.raises(replies.Guarded):
        replies.send(desk.deps, reply_id, row(desk, reply_id).version, owner(desk))
    version = save(desk, reply_id, Words("x" * (1 + (with_warning.left or 0)), warning)).version
    action = replies.send(desk.deps, reply_id, version, owner(desk)).action_id
    assert action is not None
    assert desk.step(action) == "done"


def test_an_account_that_goes_on_from_its_own_post_names_nobody(desk: Desk) -> None:
    reply_id = replies.start(desk.deps, desk.case_id, owner(desk))
    save(desk, reply_id, Words("We add:"))
    others = composing.composer(desk.deps, reply_id, owner(desk))
    assert others.shown.startswith("@") is others.place.shaded
    own = others.voice.handle.removeprefix("@").upper()
    with desk.deps.store.write() as session:
        whose = select(Message.author_id).where(Message.id == others.to.id)
        session.execute(update(Author).where(Author.id == whose.scalar_subquery()).values(handle=own))
    assert composing.composer(desk.deps, reply_id, owner(desk)).shown == "We add:"


# ------------------------------------------------------------------ read, withdrawn


def test_only_the_writer_or_a_judge_says_that_it_was_read(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.DRAFT)
    reply_id = replies.start(desk.deps, desk.case_id, ada)
    with pytest.raises(Changed):
        replies.seen(desk.deps, reply_id, owner(desk))
    version = replies.save(desk.deps, reply_id, row(desk, reply_id).version, Words("Wait."), ada)
    if row(desk, reply_id).text and replies_sent(desk, reply_id, version):
        replies.seen(desk.deps, reply_id, owner(desk))
        with pytest.raises(NotAllowed):
            replies.seen(desk.deps, reply_id, somebody(desk, "bob", level=Level.SEND))


def replies_sent(desk: Desk, reply_id: int, version: int) -> bool:
    """Whether it waits: a text that is too short for the platform does not."""
    try:
        replies.send(desk.deps, reply_id, version, somebody(desk, "ada"))
    except replies.Guarded:
        return False
    return row(desk, reply_id).state == "waiting"


def test_what_waits_is_taken_back_by_its_writer_alone(desk: Desk) -> None:
    ada = somebody(desk, "ada", level=Level.DRAFT)
    reply_id = replies.start(desk.deps, desk.case_id, ada)
    text = "Please switch it off at the wall; we are looking."
    version = replies.save(desk.deps, reply_id, row(desk, reply_id).version, Words(text), ada)
    waiting = replies.send(desk.deps, reply_id, version, ada)
    with pytest.raises(Changed):
        replies.withdraw(desk.deps, reply_id, waiting.version, owner(desk))
    replies.withdraw(desk.deps, reply_id, waiting.version, ada)
    assert (row(desk, reply_id).state, row(desk, reply_id).text) == ("draft", text)
    with pytest.raises(Changed):
        replies.approve(desk.deps, reply_id, waiting.version, owner(desk))


def test_a_sign_that_no_database_keeps_is_left_out_and_no_word_with_it(desk: Desk) -> None:
    reply_id = replies.start(desk.deps, desk.case_id, owner(desk))
    kept = save(desk, reply_id, Words("It is\0 hot.", "hot\0 surface", "public", reasons={"tone": "a\0 joke"}))
    assert (kept.text, kept.content_warning, kept.overrides) == ("It is hot.", "hot surface", {"tone": "a joke"})
