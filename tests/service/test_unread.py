"""Who is not read: what passes and what does not, and a table that tells nobody who they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from moderation.model import AuthorSeen, CommunitySeen, Event, MessageGone, MessageSeen, ReportSeen, ThreadSeen
from service.config import load_settings
from service.db.audit import Entry, append
from service.db.privacy_tables import Unread
from service.db.unread import ERASED, OPTED_OUT, Closed, closed_among, heard, open_again, shut, speakers
from service.usecases.rotation import rotate
from service.vault import Vault
from tests.service.intake_support import START, Desk, new_desk

_PLACE = ThreadSeen("t", CommunitySeen("c", "C"))
_times = st.integers(-50, 50).map(lambda minutes: START + timedelta(minutes=minutes))
_people = st.sampled_from("abcd").map(lambda name: AuthorSeen(name, name))
_events = st.one_of(
    st.builds(MessageSeen, st.just("m"), st.just(_PLACE), _people, st.text(max_size=5), _times),
    st.builds(
        ReportSeen,
        st.just("r"),
        _times,
        message_id=st.none() | st.just("m"),
        about=st.none() | _people,
        reporter=st.none() | _people,
        text=st.just("words"),
    ),
    st.builds(MessageGone, st.just("m"), _times),
)
_closed = st.dictionaries(
    st.sampled_from("abcd"), st.builds(Closed, st.sampled_from((ERASED, OPTED_OUT)), _times), max_size=4
)


@given(st.lists(_events, max_size=6), _closed)
def test_nothing_of_who_is_not_read_passes_and_all_else_does(events: list[Event], closed: dict[str, Closed]) -> None:
    passed = heard(events, closed)
    out = {name for name, one in closed.items() if one.why == OPTED_OUT}
    assert not speakers(passed) & out
    for event in passed:
        if isinstance(event, MessageSeen) and event.author.remote_id in closed:
            assert event.created_at > closed[event.author.remote_id].at
    untouched = [e for e in events if not speakers([e]) & closed.keys()]
    assert [e for e in passed if e in untouched] == untouched
    assert heard(passed, closed) == passed


def test_a_report_is_dealt_with_without_the_words_of_who_is_not_read() -> None:
    closed = {"a": Closed(OPTED_OUT, START)}
    shy = AuthorSeen("a", "a")
    report = ReportSeen("r", START, message_id="m", about=shy, reporter=shy, text="words")
    assert heard([report], closed) == [ReportSeen("r", START, message_id="m")]
    assert heard([ReportSeen("r", START, about=shy)], closed) == []


def test_the_table_names_nobody_and_outlives_a_new_secret() -> None:
    desk = new_desk()
    old, new = load_settings().secrets[0], "another secret of forty characters or so"
    _shut(desk)
    assert closed_in(desk, desk.deps.vault) == {"author-77": Closed(ERASED, START)}
    assert "author-77" not in str(desk.rows(Unread.digest))
    both = Vault([new, old])
    rotate(replace(desk.deps, vault=both), "test")
    assert closed_in(desk, Vault([new])) == {"author-77": Closed(ERASED, START)}
    with desk.deps.store.write() as session:
        assert open_again(session, Vault([new]), desk.forum, "author-77")
        assert not open_again(session, Vault([new]), desk.forum, "author-77")
    assert closed_in(desk, Vault([new])) == {}


def test_who_opted_out_stays_out_when_erased() -> None:
    desk = new_desk()
    _shut(desk, OPTED_OUT)
    _shut(desk, ERASED)
    assert closed_in(desk, desk.deps.vault)["author-77"].why == OPTED_OUT


def _shut(desk: Desk, why: str = ERASED) -> None:
    with desk.deps.store.write() as session:
        append(session, desk.deps.vault, Entry("privacy:erase", "test", "author:1"), START)
        shut(session, desk.deps.vault, desk.forum, "author-77", Closed(why, START))


def closed_in(desk: Desk, vault: Vault) -> dict[str, Closed]:
    with desk.deps.store.read() as session:
        return closed_among(session, vault, desk.forum, ["author-77", "author-78"])
