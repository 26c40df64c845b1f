"""What every connector promises while it talks to a platform: reading, acting, failing. Over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import (
    Act,
    Ambiguous,
    Check,
    ConnectorError,
    CredentialsRefused,
    Delivery,
    Permanent,
    Receipt,
    Session,
    Temporary,
)
from tests.contract.checks import require_reason
from tests.contract.found import CONNECTORS, rig_of
from tests.contract.rig import Stage

LIVE = sorted(name for name in CONNECTORS if rig_of(name).stage is not None)
PAGES = 80
SPOILT = (
    "discourse_429", "discourse_global_429", "mastodon_429", "server_error", "timeout_before", "gzip_bomb", "redirect",
    "broken_json", "wrong_type", "invalid_utf8", "null_bytes", "empty",
)  # fmt: skip

live = pytest.mark.parametrize("name", LIVE)
each_act = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in LIVE for kind in sorted(CONNECTORS[name].capabilities)]
)


@contextmanager
def on_stage(name: str) -> Iterator[Stage]:
    stage = rig_of(name).stage
    assert stage is not None
    with stage() as running:
        yield running


@contextmanager
def session(name: str, stage: Stage) -> Iterator[Session]:
    opened = CONNECTORS[name].open(stage.settings, stage.io)
    assert opened is not None
    try:
        yield opened
    finally:
        opened.close()


def read_all(opened: Session, cursor: str = "") -> tuple[list[Delivery], str]:
    """Everything from a cursor on, up to the point where the connector says that there is no more."""
    found: list[Delivery] = []
    for _ in range(PAGES):
        page = opened.poll(cursor)
        found += page.deliveries
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError(f"{PAGES} pages and still more: does the cursor move on?")


def permit(act: Act) -> Permit:
    return Permit(act.action_id, "somebody", act.kind, act.target, datetime.now(UTC))


def said(error: BaseException) -> str:
    """All that a log could show of an error and of what led to it."""
    parts: list[str] = []
    one: BaseException | None = error
    while one is not None:
        parts.append(f"{one} {one!r} {getattr(one, 'detail', '')}")
        one = one.__cause__ or one.__context__
    return " ".join(parts)


def assert_no_secret(stage: Stage, error: BaseException) -> None:
    for field in stage.settings.secret_names():
        assert getattr(stage.settings, field).get_secret_value() not in said(error)


# ------------------------------------------------------------------ reading


@live
def test_a_session_keeps_the_protocol_and_checks(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        assert isinstance(opened, Session)
        found = opened.check()
    assert isinstance(found, Check)
    assert found.account
    assert found.server
    assert found.may == CONNECTORS[name].capabilities, found.missing


@live
def test_what_is_polled_is_parsed_and_polled_again_is_nothing_new(name: str) -> None:
    with on_stage(name) as stage:
        with session(name, stage) as opened:
            first, cursor = read_all(opened)
            second, _ = read_all(opened, cursor)
        with session(name, stage) as another:
            afresh, _ = read_all(another)
    keys = {delivery.key for delivery in first}
    assert keys
    assert {delivery.key for delivery in second} <= keys
    assert {delivery.key for delivery in afresh} == keys
    for delivery in first:
        CONNECTORS[name].parse(delivery, stage.settings)


@live
def test_keys_are_short_enough_to_be_stored(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        found, cursor = read_all(opened)
    assert all(0 < len(delivery.key) <= 255 for delivery in found)
    assert len(cursor) < 100_000


@live
def test_private_content_leaves_only_its_key(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        found, cursor = read_all(opened)
    assert stage.private_texts
    for delivery in found:
        assert delivery.admitted or delivery.body == b""
        assert not any(text.encode() in delivery.body for text in stage.private_texts)
    assert not any(text in cursor for text in stage.private_texts)


@live
def test_a_cursor_of_another_version_starts_again_or_is_refused(name: str) -> None:
    for cursor in ("{}", '{"version": 999}'):
        with on_stage(name) as stage, session(name, stage) as opened:
            try:
                opened.poll(cursor)
            except ConnectorError as error:
                require_reason(error)


# ------------------------------------------------------------------ acting


@each_act
def test_an_act_succeeds(name: str, kind: Capability) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        act = stage.jobs[kind]().act
        receipt = opened.perform(permit(act), act)
    assert isinstance(receipt, Receipt)
    assert receipt.remote_id
    assert receipt.url
    assert receipt.at.tzinfo is not None


@each_act
def test_an_act_without_its_own_permit_is_not_carried_out(name: str, kind: Capability) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        act = stage.jobs[kind]().act
        other = Permit(act.action_id + 1, "somebody", act.kind, act.target, datetime.now(UTC))
        with pytest.raises(Permanent):
            opened.perform(other, act)


@live
def test_an_act_that_was_not_declared_is_refused(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        for kind in sorted(set(Capability) - CONNECTORS[name].capabilities):
            act = Act(1, kind, "1", "words")
            with pytest.raises(Permanent):
                opened.perform(permit(act), act)


def failing(name: str, kind: Capability, fault: str, **settings: Any) -> ConnectorError:
    """The error of an act whose call with the effect is spoilt."""
    with on_stage(name) as stage, session(name, stage) as opened:
        job = stage.jobs[kind]()
        stage.fail(fault, method=job.method, times=9, **settings)
        with pytest.raises(ConnectorError) as caught:
            opened.perform(permit(job.act), job.act)
        assert_no_secret(stage, caught.value)
    return caught.value


@each_act
def test_an_unavailable_platform_is_temporary(name: str, kind: Capability) -> None:
    assert isinstance(failing(name, kind, "server_error", status=503), Temporary)


@each_act
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_fault_of_the_platform_is_never_final(name: str, kind: Capability, status: int) -> None:
    """It may have come after the effect, so Ambiguous is as good an answer as Temporary."""
    assert isinstance(failing(name, kind, "server_error", status=status), Temporary | Ambiguous)


@each_act
@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_permanent(name: str, kind: Capability, status: int) -> None:
    assert isinstance(failing(name, kind, "server_error", status=status), Permanent)


@each_act
@pytest.mark.parametrize("silence", ["timeout_before", "timeout_after"])
def test_silence_after_the_request_left_is_ambiguous(name: str, kind: Capability, silence: str) -> None:
    assert isinstance(failing(name, kind, silence, seconds=3), Ambiguous)


@each_act
@pytest.mark.parametrize("answer", ["broken_json", "wrong_type", "empty"])
def test_an_answer_that_cannot_be_read_is_never_taken_for_nothing_done(
    name: str, kind: Capability, answer: str
) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        job = stage.jobs[kind]()
        stage.fail(answer, method=job.method)
        try:
            receipt = opened.perform(permit(job.act), job.act)
        except Ambiguous:
            return
        assert receipt.remote_id


@each_act
def test_an_effect_whose_answer_was_lost_is_found_again(name: str, kind: Capability) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        job = stage.jobs[kind]()
        since = datetime.now(UTC) - timedelta(seconds=5)
        if not job.shows:
            with pytest.raises(Permanent):  # a person looks, and nothing is sent again
                opened.find_existing(job.act, since)
            return
        assert opened.find_existing(job.act, since) is None
        stage.fail("timeout_after", method=job.method, seconds=3)
        with pytest.raises(Ambiguous):
            opened.perform(permit(job.act), job.act)
        found = opened.find_existing(job.act, since)
    assert found is not None
    assert found.remote_id


# ------------------------------------------------------------------ failing


READS: tuple[Callable[[Session], Any], ...] = (
    lambda opened: opened.check(),
    lambda opened: opened.poll(""),
    lambda opened: opened.fetch_thread("1"),
)


@live
@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_answer_raises_nothing_but_errors_of_the_contract(name: str, fault: str) -> None:
    with on_stage(name) as stage:
        stage.fail(fault, times=50, seconds=0.2)
        for read in READS:
            with session(name, stage) as opened:
                try:
                    read(opened)
                except (Temporary, Permanent) as error:  # never Ambiguous: nothing was changed
                    assert_no_secret(stage, error)


@live
def test_a_credential_that_is_refused_is_said_to_be(name: str) -> None:
    with on_stage(name) as stage:
        wrong = {
            field: type(getattr(stage.settings, field))("not-the-right-one") for field in stage.settings.secret_names()
        }
        changed = Stage(stage.settings.model_copy(update=wrong), stage.io, stage.fail, stage.heal)
        with session(name, changed) as opened:
            for read in READS:
                with pytest.raises(CredentialsRefused) as caught:
                    read(opened)
                assert_no_secret(changed, caught.value)


@live
def test_a_private_address_is_not_called(name: str) -> None:
    with on_stage(name) as stage:
        io = type(stage.io)(frozenset(), stage.io.pacer, stage.io.now)
        private = Stage(stage.settings, io, stage.fail, stage.heal)
        with pytest.raises(Permanent), session(name, private) as opened:
            opened.check()
