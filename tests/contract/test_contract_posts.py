"""What every connector promises of our own posts: how long they are, whose they are, and the pictures in them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.model import Capability
from plugins.contract import Act, Ambiguous, Composes, ConnectorError, Gone, Limits, Permanent, Session, Temporary
from tests.contract.found import CONNECTORS, rig_of
from tests.contract.pictures import ALT, gasket
from tests.contract.rig import Job, Stage
from tests.contract.test_live import LIVE, on_stage, permit, session

ANSWERING = [name for name in LIVE if Capability.REPLY in CONNECTORS[name].capabilities]
answering = pytest.mark.parametrize("name", ANSWERING)
own_posts = pytest.mark.parametrize(
    ("name", "kind"),
    [(n, k) for n in ANSWERING for k in (Capability.EDIT, Capability.DELETE) if k in CONNECTORS[n].capabilities],
)
LIMITS = st.builds(Limits, least=st.integers(1, 40), link=st.none() | st.just(23))
HANDLES = st.sampled_from(["", "ines@social.example", "tomoko@far.example.org"])
PIECES = ("https://brava.fr/a?b=c", "@ines", "@a@b.org", " ", "\U0001f469\u200d\U0001f467", "e\u0301", "….")
TEXTS = st.lists(st.text(max_size=12) | st.sampled_from(PIECES)).map("".join)


def composer(name: str) -> Composes:
    return cast(Composes, CONNECTORS[name])


def shown(stage: Stage, remote_id: str) -> str | None:
    assert stage.shown is not None
    found = stage.shown(remote_id)
    return found[0] if found else None


# ------------------------------------------------------------------ composing


@answering
def test_a_connector_that_answers_says_what_a_post_becomes(name: str) -> None:
    assert isinstance(CONNECTORS[name], Composes)


@answering
@settings(max_examples=150, deadline=None)
@given(text=TEXTS, to=HANDLES, limits=LIMITS)
def test_a_post_is_never_shorter_than_its_own_text(name: str, text: str, to: str, limits: Limits) -> None:
    given_settings = rig_of(name).settings
    alone = composer(name).compose(text, "", given_settings, limits)
    composed = composer(name).compose(text, to, given_settings, limits)
    assert composed.text.endswith(text)
    assert composed.length >= alone.length >= 0
    assert composed == composer(name).compose(text, to, given_settings, limits)


@answering
@pytest.mark.parametrize(
    "piece",
    ["@a", "@a.", "https://a.", "https://a.fr/(", "https://a.fr/?x.", "a-", "<!--", "<!-->", ":a", "..", "\u0301"],
)
def test_counting_takes_no_more_than_linear_time(name: str, piece: str) -> None:
    started = time.process_time()
    composer(name).compose(
        piece * (100_000 // len(piece)), "ines@far.example.org", rig_of(name).settings, Limits(link=23)
    )
    composer(name).compose("https://" + piece * 30_000, "", rig_of(name).settings, Limits(link=23))
    assert time.process_time() - started < 4.0, "quadratic time takes far longer"


@answering
def test_what_is_composed_is_what_appears(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        job = stage.jobs[Capability.REPLY]()
        composed = composer(name).compose(job.act.text, job.to, stage.settings, opened.check().limits)
        receipt = opened.perform(permit(job.act), job.act)
        assert shown(stage, receipt.remote_id) == composed.text


@answering
def test_limits_are_told_and_kept_to(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        limits = opened.check().limits
        assert limits.most is not None
        assert limits.edits == (Capability.EDIT in CONNECTORS[name].capabilities)
        assert limits.deletes == (Capability.DELETE in CONNECTORS[name].capabilities)
        assert Limits.read(limits.to_json()) == limits
        job = stage.jobs[Capability.REPLY]()
        longest = longest_text(name, stage, job, limits)
        with pytest.raises(Permanent):
            opened.perform(permit(job.act), replace(job.act, text=longest + "y"))
        assert opened.perform(permit(job.act), replace(job.act, text=longest)).remote_id


def longest_text(name: str, stage: Stage, job: Job, limits: Limits) -> str:
    """A text that, composed, has exactly as many characters as are allowed."""
    assert limits.most is not None
    spare = limits.most - composer(name).compose("x", job.to, stage.settings, limits).length
    text = "x" * (spare + 1)
    assert composer(name).compose(text, job.to, stage.settings, limits).length == limits.most
    return text


# ------------------------------------------------------------------ our own, and nobody else's


@own_posts
def test_somebody_elses_post_is_left_alone(name: str, kind: Capability) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        assert stage.others is not None
        target = stage.others()
        before = shown(stage, target)
        act = Act(1, kind, target, "Somebody else never said this.")
        with pytest.raises(Permanent) as caught:
            opened.perform(permit(act), act)
        assert not isinstance(caught.value, Gone)
        assert before is not None
        assert shown(stage, target) == before


@own_posts
def test_a_post_that_is_gone_is_said_to_be(name: str, kind: Capability) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        gone = stage.jobs[Capability.DELETE]().act
        opened.perform(permit(gone), gone)
        act = Act(1, kind, gone.target, "Too late for other words.")
        with pytest.raises(Gone):
            opened.perform(permit(act), act)


@answering
def test_an_edit_shows_the_new_words_and_a_deletion_nothing(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        edit, delete = stage.jobs[Capability.EDIT](), stage.jobs[Capability.DELETE]()
        opened.perform(permit(edit.act), edit.act)
        assert edit.act.text in (shown(stage, edit.act.target) or "")
        assert shown(stage, delete.act.target) is not None
        opened.perform(permit(delete.act), delete.act)
        assert shown(stage, delete.act.target) is None


# ------------------------------------------------------------------ pictures


def with_pictures(stage: Stage, *alts: str) -> Act:
    act = stage.jobs[Capability.REPLY]().act
    return replace(act, images=tuple(gasket(alt, grey) for grey, alt in enumerate(alts)))


def words(text: str) -> list[str]:
    """Letters only: a platform's markup may need other signs than people typed."""
    return "".join(sign if sign.isalnum() else " " for sign in text).split()


@answering
def test_pictures_arrive_with_their_descriptions_in_order(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        act = with_pictures(stage, ALT, "A second one\nwith a line break")
        receipt = opened.perform(permit(act), act)
        assert stage.shown is not None
        found = stage.shown(receipt.remote_id)
        assert found is not None
        assert [body for body, _ in found[1]] == [image.body for image in act.images]
        assert [words(alt) for _, alt in found[1]] == [words(image.alt) for image in act.images]


@answering
def test_an_edit_keeps_the_pictures(name: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        act = with_pictures(stage, ALT)
        receipt = opened.perform(permit(act), act)
        edit = Act(act.action_id + 1, Capability.EDIT, receipt.remote_id, "Other words, and the same picture below.")
        opened.perform(permit(edit), edit)
        assert opened.find_existing(edit, datetime.now(UTC) - timedelta(minutes=1)) is not None
        assert stage.shown is not None
        text, pictures = stage.shown(receipt.remote_id) or ("", ())
        assert edit.text in text
        assert [body for body, _ in pictures] == [act.images[0].body]


@answering
@pytest.mark.parametrize("wrong", [{"alt": " "}, {"mime": "text/html"}, {"mime": "image/png\r\nX-Other: 1"}])
def test_a_picture_without_description_or_of_no_kind_is_not_sent(name: str, wrong: dict[str, str]) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        act = replace(with_pictures(stage), images=(replace(gasket(), **wrong),))  # type: ignore[arg-type]
        assert isinstance(refused(opened, act), Permanent)
        assert opened.find_existing(act, datetime.now(UTC) - timedelta(minutes=1)) is None


@answering
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "broken_json", "empty", "server_error"])
def test_a_picture_that_does_not_arrive_is_never_a_doubt_about_the_post(name: str, fault: str) -> None:
    with on_stage(name) as stage, session(name, stage) as opened:
        act = with_pictures(stage, ALT)
        stage.fail(fault, method="POST", seconds=3)
        assert isinstance(refused(opened, act), Temporary)
        stage.heal()
        assert opened.find_existing(act, datetime.now(UTC) - timedelta(minutes=5)) is None
        assert opened.perform(permit(act), act).remote_id


def refused(opened: Session, act: Act) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        opened.perform(permit(act), act)
    assert not isinstance(caught.value, Ambiguous)
    return caught.value
