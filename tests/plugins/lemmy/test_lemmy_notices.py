"""Private words to one member of a Lemmy server, in both versions of its API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation.model import Capability
from plugins.contract import Permanent
from service.sandbox.forum import Topic
from tests.plugins.lemmy.box import Box
from tests.plugins.lemmy.desk import Desk

WORDS = "Your post was hidden. Why, and how to contest it: https://tenth.example/appeal/abc"


def sent(box: Box) -> list[Topic]:
    topics = box.sandbox.world.forum.topics.values()
    return [t for t in topics if t.archetype == "private_message" and t.username == "brava"]


@pytest.mark.parametrize("target", ["", "tomoko", "-1", "1/../2", "²", "post-1"])
def test_a_target_that_is_no_account_gets_nothing(box: Box, desk: Desk, target: str) -> None:
    with pytest.raises(Permanent):
        desk.act(Capability.NOTIFY, target, WORDS)
    assert not sent(box)


def test_neither_empty_words_nor_words_to_oneself_are_sent(box: Box, desk: Desk) -> None:
    for target, text in ((box.person("tomoko"), " \n"), (box.person("brava"), WORDS)):
        with pytest.raises(Permanent, match="nothing was sent"):
            desk.act(Capability.NOTIFY, str(target), text)
    assert not sent(box)


def test_one_member_reads_it_and_nobody_finds_it_in_a_community(box: Box, desk: Desk) -> None:
    desk.act(Capability.NOTIFY, str(box.person("tomoko")), WORDS)
    (made,) = sent(box)
    assert made.participants == {"tomoko", "brava"}
    assert box.ask("GET", "private_message/list", "ines").json()["private_messages"] == []
    assert not any(b"appeal/abc" in one.body for one in desk.session.poll("").deliveries)


def test_v3_shows_what_was_sent_and_v4_does_not(box: Box, desk: Desk) -> None:
    tomoko = str(box.person("tomoko"))
    desk.act(Capability.NOTIFY, tomoko, WORDS)
    if box.sandbox.world.options.lemmy_v4:
        with pytest.raises(Permanent, match="cannot be looked up"):
            desk.found(Capability.NOTIFY, tomoko, WORDS)
        return
    assert desk.found(Capability.NOTIFY, tomoko, WORDS) is not None
    assert desk.found(Capability.NOTIFY, str(box.person("ines")), WORDS) is None
    assert desk.found(Capability.NOTIFY, tomoko, "Other words.") is None
    desk.clock.ahead = timedelta(minutes=5)
    assert desk.found(Capability.NOTIFY, tomoko, WORDS) is None
