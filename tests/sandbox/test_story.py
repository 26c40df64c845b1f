"""The sandbox community: the same every time, of the promised size, and with its planted cases in place."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from service.sandbox.story import Conversation, Line, Planted, Story
from service.sandbox.writer import build_story
from service.sandbox.writing.scribe import SHORT

NOW = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)

ALARM = re.compile(
    r"""\b(
    fires?|flames?|smok\w*|burn\w*|scald\w*|shocks?|shocked|electrocut\w*|electric\w*|injur\w*|explod\w*|explos\w*
    |hurt\w*|bleed\w*|blood|hospital|ambulance|emergency|danger\w*|hazard\w*|melt\w*|sparks?|poison\w*|toxic
    |kill\w*|die|dies|dying|dead|death|murder\w*|threat\w*|attack\w*|beat|stab\w*|shoot\w*|weapon|where\ you\ live
    |lawyers?|attorney|sue|suing|sued|court|legal\w*|lawsuit|consumer\ protection|trading\ standards|police|gdpr
    |suicid\w*|self-harm|end\ my\ life|end\ it\ all|overdose|breach\w*|hack\w*|fraud\w*|scam\w*|stolen
    |feux?|incendie|flammes?|fum[ée]e\w*|br[uû]l\w*|chocs?|électro\w*|électri\w*|bless\w*|explos\w*|sang|h[oô]pital
    |urgences?|danger\w*|fond(u|re)|étincelles?|intoxi\w*|empoisonn\w*
    |tuer\w*|tue|mort\w*|mourir|meurtre|menac\w*|frapper|o[uù]\ tu\ habites
    |avocate?s?|proc[eè]s|porter\ plainte|tribunal|juridique|huissier|justice|rgpd|pirat\w*|arnaque\w*|vol[ée]?s?
    |suicid\w*|me\ tuer|en\ finir|plus\ envie\ de\ vivre
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


@pytest.fixture(scope="module")
def story() -> Story:
    return build_story(NOW)


def lines(story: Story) -> list[Line]:
    return [line for conversation in story.conversations for line in conversation.lines]


def planted_threads(story: Story) -> list[tuple[Planted, Conversation]]:
    threads = {conversation.key: conversation for conversation in story.conversations}
    return [(planted, threads[planted.key]) for planted in story.planted]


def emergencies(story: Story) -> list[tuple[Planted, Conversation]]:
    return [pair for pair in planted_threads(story) if pair[0].expected == "surface"]


def words(conversation: Conversation) -> str:
    return "\n".join([conversation.title, *(line.text for line in conversation.lines)])


def test_same_arguments_same_story(story: Story) -> None:
    assert build_story(NOW) == story
    assert build_story(NOW, seed=11) != story


def test_another_moment_is_the_same_story_moved(story: Story) -> None:
    later = build_story(NOW + timedelta(hours=7, minutes=3))
    assert [line.text for line in lines(later)] == [line.text for line in lines(story)]
    assert {b.at - a.at for a, b in zip(lines(story), lines(later), strict=True)} == {timedelta(hours=7, minutes=3)}


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 10])
def test_size_whatever_the_seed(seed: int) -> None:
    story = build_story(NOW, seed)
    assert 2_900 <= len(lines(story)) <= 3_200
    assert 450 <= len(story.conversations) <= 600
    assert len(story.planted) == len({planted.key for planted in story.planted})


def test_shares_of_languages_and_platforms(story: Story) -> None:
    said = lines(story)
    english = sum(line.language == "en" for line in said) / len(said)
    forum = sum(len(c.lines) for c in story.conversations if c.where == "forum") / len(said)
    assert 0.60 <= english <= 0.70
    assert 0.65 <= forum <= 0.75


def test_five_categories_and_one_restricted(story: Story) -> None:
    assert [category.restricted for category in story.categories].count(False) == 5
    (staff_room,) = [category.slug for category in story.categories if category.restricted]
    staff = {member.username for member in story.members if member.role == "staff"}
    posts = [line for c in story.conversations if c.category == staff_room for line in c.lines]
    assert posts
    assert {line.username for line in posts} <= staff
    slugs = {category.slug for category in story.categories}
    assert {c.category for c in story.conversations if c.where == "forum"} <= slugs


def test_keys_are_unique_and_planted_ones_exist(story: Story) -> None:
    keys = [conversation.key for conversation in story.conversations]
    assert len(keys) == len(set(keys))
    assert {planted.key for planted in story.planted} <= set(keys)


def test_enough_planted_of_both_sorts(story: Story) -> None:
    languages = Counter(thread.lines[0].language for _, thread in emergencies(story))
    assert min(languages["en"], languages["fr"]) >= 12
    assert sum(planted.expected == "leave" for planted in story.planted) >= 16


def test_emergencies_are_recent(story: Story) -> None:
    latest = [max(line.at for line in thread.lines) for _, thread in emergencies(story)]
    assert min(latest) >= NOW - timedelta(days=10)
    assert sum(at >= NOW - timedelta(hours=48) for at in latest) >= 8


def test_about_half_of_the_emergencies_use_no_alarm_word(story: Story) -> None:
    silent = [planted for planted, _ in emergencies(story) if not planted.by_rule]
    assert 2 * len(silent) >= len(emergencies(story))


def test_by_rule_means_an_alarm_word(story: Story) -> None:
    wrong = [
        planted.key for planted, thread in emergencies(story) if bool(ALARM.search(words(thread))) != planted.by_rule
    ]
    assert wrong == []


def test_replies_come_after_what_they_answer(story: Story) -> None:
    for conversation in story.conversations:
        assert conversation.lines[0].reply_to is None
        for index, line in enumerate(conversation.lines[1:], start=1):
            assert line.reply_to is not None
            assert line.reply_to < index
            assert conversation.lines[line.reply_to].at <= line.at


def test_lines_are_in_order_and_in_the_past(story: Story) -> None:
    for conversation in story.conversations:
        moments = [line.at for line in conversation.lines]
        assert moments == sorted(moments)
        assert NOW - timedelta(days=41) < moments[0]
        assert moments[-1] <= NOW
        assert all(at.utcoffset() == timedelta(0) for at in moments)


def test_authors_have_an_account_where_they_write(story: Story) -> None:
    there = {
        "forum": {m.username for m in story.members if m.on_forum},
        "fediverse": {m.username for m in story.members if m.on_fediverse},
    }
    for conversation in story.conversations:
        assert {line.username for line in conversation.lines} <= there[conversation.where]


def test_usernames_fit_both_platforms(story: Story) -> None:
    names = [member.username for member in story.members]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_]{3,20}", name)] == []


def test_fediverse_texts_fit_and_name_the_brand(story: Story) -> None:
    for conversation in story.conversations:
        if conversation.where == "fediverse":
            assert max(len(line.text) for line in conversation.lines) <= 480
            assert "@brava" in words(conversation) or conversation.hashtags
            assert all(f"#{tag}" in conversation.lines[0].text for tag in conversation.hashtags)


def test_templates_are_filled(story: Story) -> None:
    assert [line.text for line in lines(story) if re.search(r"[\[\]{}|]|  ", line.text)] == []
    assert [c.title for c in story.conversations if re.search(r"[\[\]{}|]", c.title)] == []
    assert all(bool(c.title) == (c.where == "forum") for c in story.conversations)


def test_hardly_anything_is_said_twice(story: Story) -> None:
    long = [line.text for line in lines(story) if len(line.text) > SHORT]
    assert len(long) - len(set(long)) < 0.02 * len(long)


def test_experts_help_and_impostors_do_not(story: Story) -> None:
    accepted = Counter(line.username for line in lines(story) if line.accepted_answer)
    helpers = {m.username for m in story.members if m.role == "expert"}
    assert min(accepted[username] for username in helpers) >= 5
    assert accepted["crema_king"] == accepted["baristapro_max"] == accepted["le_palais_dor"] == 0
    posts = Counter(line.username for line in lines(story))
    assert min(posts["crema_king"], posts["baristapro_max"], posts["le_palais_dor"]) >= 15


def test_few_questions_stay_without_an_answer(story: Story) -> None:
    ordinary = [
        c for c in story.conversations if c.key.startswith("thread-") and c.lines[0].at < NOW - timedelta(days=2)
    ]
    alone = sum(len(c.lines) == 1 for c in ordinary) / len(ordinary)
    assert 0.04 <= alone <= 0.09
