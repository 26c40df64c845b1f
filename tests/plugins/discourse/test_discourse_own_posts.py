"""Edits and deletions of our own posts, pictures, and where nobody can answer: over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Limits, MissingRight, Permanent, Receipt, Temporary
from plugins.discourse import connector
from plugins.discourse.compose import bare_length, picture
from plugins.discourse.limits import limits_of
from service.sandbox.counting import bare
from service.sandbox.forum import Post
from tests.contract.pictures import ALT, gasket
from tests.plugins.discourse.desk import Desk, seen
from tests.sandbox_server import Running

TEXT = "We are sorry. Please unplug the machine and write to us."
NEW = "We are sorry. Please unplug the machine; a new seal is on its way."


def reply(target: str = "1", text: str = TEXT) -> Act:
    return Act(5, Capability.REPLY, target, text)


def edit(target: str, text: str = NEW) -> Act:
    return Act(6, Capability.EDIT, target, text)


def delete(target: str) -> Act:
    return Act(7, Capability.DELETE, target)


def perform(desk: Desk, wanted: Act) -> Receipt:
    return desk.session.perform(Permit(wanted.action_id, "ann", wanted.kind, wanted.target, datetime.now(UTC)), wanted)


def post(box: Running, receipt: Receipt) -> Post:
    return box.world.forum.posts[int(receipt.remote_id)]


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize("wanted", [edit("2"), delete("2")])
def test_an_admins_key_changes_nobody_elses_post(desk: Desk, box: Running, wanted: Act) -> None:
    before = box.world.forum.posts[2].raw
    with pytest.raises(Permanent, match="somebody else"):
        perform(desk, wanted)
    assert (box.world.forum.posts[2].raw, box.world.forum.posts[2].deleted_at) == (before, None)
    with pytest.raises(Permanent, match="somebody else"):
        desk.session.find_existing(edit("2"), ago(60))


def test_our_first_post_of_a_topic_is_not_deleted(desk: Desk, box: Running) -> None:
    made = box.control("POST", "/posts", username="brava", text="News of the recall.", title="Recall", category_id=5)
    with pytest.raises(Permanent, match="every answer"):
        perform(desk, delete(str(made["id"])))
    assert box.world.forum.topics[made["topic_id"]].deleted_at is None


@pytest.mark.parametrize("switch", ["closed", "archived"])
def test_nothing_is_said_where_nobody_can_answer(desk: Desk, box: Running, switch: str) -> None:
    with box.world.lock:
        setattr(box.world.forum.topics[1], switch, True)
    with pytest.raises(Gone, match=switch):
        perform(desk, reply())
    assert len(box.world.forum.posts) == 4


def test_a_topic_that_became_private_and_a_hidden_post_are_not_answered(desk: Desk, box: Running) -> None:
    with box.world.lock:
        box.world.forum.posts[3].hidden = True
    with pytest.raises(Gone, match="not public"):
        perform(desk, reply("3"))
    box.control("PUT", "/posts/1", private=True)
    with pytest.raises(Gone, match="not public"):
        perform(desk, reply("1"))
    assert len(box.world.forum.posts) == 4


@pytest.mark.parametrize(
    ("text", "words"), [(" \n", "no text"), ("Ok........................", "too short"), ("x" * 32_001, "32000")]
)
def test_an_edit_is_held_to_the_same_limits(desk: Desk, box: Running, text: str, words: str) -> None:
    made = perform(desk, reply())
    with pytest.raises(Permanent, match=words):
        perform(desk, edit(made.remote_id, text))
    assert post(box, made).raw == TEXT


def test_a_post_that_is_deleted_is_neither_edited_nor_deleted_again(desk: Desk) -> None:
    made = perform(desk, reply())
    perform(desk, delete(made.remote_id))
    for wanted in (edit(made.remote_id), delete(made.remote_id)):
        with pytest.raises(Gone):
            perform(desk, wanted)


# ------------------------------------------------------------------ edits and deletions


def test_a_quick_edit_makes_a_version_so_that_reading_notices_it(desk: Desk, box: Running) -> None:
    made = perform(desk, reply())
    desk.turns()
    perform(desk, edit(made.remote_id))
    after = post(box, made)
    assert (after.raw, len(after.versions)) == (NEW, 2)
    assert (after.edit_reason or "").startswith("Correction, ")
    assert seen(desk.turns())[made.remote_id].text == NEW


def test_an_account_of_no_rank_edits_and_deletes_its_own(desks: Callable[..., Desk], box: Running) -> None:
    plain = desks(api_username="tomoko")
    made = perform(plain, reply("2"))
    perform(plain, edit(made.remote_id))
    assert post(box, made).raw == NEW
    perform(plain, delete(made.remote_id))
    assert post(box, made).user_deleted
    assert plain.session.find_existing(delete(made.remote_id), ago(60)) is not None


@pytest.mark.parametrize(("make", "method"), [(edit, "PUT"), (delete, "DELETE")])
def test_an_effect_without_an_answer_is_found_again(
    desk: Desk, box: Running, make: Callable[[str], Act], method: str
) -> None:
    wanted = make(perform(desk, reply()).remote_id)
    assert desk.session.find_existing(wanted, ago(60)) is None
    box.fail("timeout_after", method=method, seconds=0.2)
    with pytest.raises(Ambiguous):
        perform(desk, wanted)
    assert desk.session.find_existing(wanted, ago(60)) is not None


# ------------------------------------------------------------------ pictures


def test_pictures_stand_below_the_text_and_stay_there(desk: Desk, box: Running) -> None:
    wanted = replace(reply(), images=(gasket(), gasket("Another", 7)))
    made = perform(desk, wanted)
    text, *pictures = post(box, made).raw.split("\n\n")
    assert text == TEXT
    assert pictures[0].startswith("![A gasket with a crack, seen from above; (left) / right|64x48](upload://")
    assert desk.session.find_existing(wanted, ago(60)) is not None
    read = seen(desk.turns())[made.remote_id].text
    assert read == f"{TEXT}\n\n[image] A gasket with a crack, seen from above; (left) / right\n\n[image] Another"
    perform(desk, edit(made.remote_id, f"{NEW}\n\n{pictures[1]}"))
    assert post(box, made).raw.split("\n\n") == [NEW, pictures[1], pictures[0]]
    assert desk.session.find_existing(edit(made.remote_id), ago(60)) is not None


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (replace(gasket(), body=b"beans"), "corrupted"),
        (replace(gasket(), mime="image/tiff"), "not authorized"),
        (gasket(" "), "no description"),
    ],
)
def test_a_picture_that_is_refused_ends_it(desk: Desk, box: Running, image: Any, words: str) -> None:
    with pytest.raises(Permanent, match=words):
        perform(desk, replace(reply(), images=(image,)))
    assert len(box.world.forum.posts) == 4


def test_a_key_without_the_scope_is_told_which(desk: Desk, box: Running) -> None:
    box.fail("server_error", path="/uploads.json", status=403)
    with pytest.raises(MissingRight, match="uploads: create"):
        perform(desk, replace(reply(), images=(gasket(),)))
    box.fail("empty", path="/uploads.json")
    with pytest.raises(Temporary):
        perform(desk, replace(reply(), images=(gasket(),)))
    assert len(box.world.forum.posts) == 4


@pytest.mark.parametrize(
    ("alt", "kept"),
    [("a\nb  c", "a b c"), ("[a](b)|9x9", "(a)(b)/9x9"), (r"a\]b", "a/)b"), ("1 < 2 > 0 `x`", "1 ‹ 2 › 0 'x'")],
)
def test_a_description_is_never_cut_by_its_own_signs(alt: str, kept: str) -> None:
    assert picture(alt, "upload://x.png", 0, 0) == f"![{kept}](upload://x.png)"
    assert picture(ALT, "upload://x.png", 3, 4).endswith("|3x4](upload://x.png)")


# ------------------------------------------------------------------ how long a post may be


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("  twelve signs  ", 12),
        ("..............................", 1),
        ("Ok <!-- a long comment that nobody sees -->", 2),
        (":smile: :wave:t2: ok", 6),
        ("this is certainly long enough", 29),
    ],
)
def test_the_shortest_post_is_measured_without_decoration(desk: Desk, text: str, counted: int) -> None:
    assert bare_length(text) == len(bare(text)) == counted
    composed = connector.compose(text, "ines", desk.settings, Limits(least=20))
    assert composed.text == text
    assert (composed.length < 20) == (counted < 20)


def test_only_the_lower_limit_looks_at_decoration(desk: Desk) -> None:
    text = "Enough words to be a post, and then dots ........................................"
    assert connector.compose(text, "", desk.settings, Limits(least=20)).length == len(text)


def test_limits_are_the_forums_own_or_else_discourses(desk: Desk, box: Running) -> None:
    with box.world.lock:
        box.world.options.min_post_length = 5
    found = desk.session.check()
    assert (found.limits.least, found.limits.most, found.limits.link) == (5, 32_000, None)
    assert found.limits.image_types == ("image/jpeg", "image/png", "image/gif", "image/webp")
    box.fail("server_error", path="/site/settings.json", status=403)
    found = desk.session.check()
    assert (found.limits.least, found.limits.most) == (20, 32_000)
    assert any("default limits" in note for note in found.notes)


@pytest.mark.parametrize(
    ("told", "types", "images"),
    [
        ({"authorized_extensions": "pdf|PNG"}, ("image/png",), 10),
        ({"authorized_extensions": "*"}, ("image/jpeg", "image/png", "image/gif", "image/webp"), 10),
        ({"authorized_extensions": "pdf"}, (), 0),
        (
            {"authorized_extensions": 7, "min_post_length": "x", "max_post_length": -1, "max_image_size_kb": True},
            None,
            10,
        ),
    ],
)
def test_settings_of_any_form_are_read(told: dict[str, Any], types: tuple[str, ...] | None, images: int) -> None:
    found = limits_of(told)
    assert (found.least, found.most, found.image_bytes) == (20, 32_000, 4_096 * 1024)
    assert found.images == images
    assert types is None or found.image_types == types
