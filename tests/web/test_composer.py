"""The composer by its forms: who is refused, what is never lost, what holds an answer back, what is sent once."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from moderation.policy import Level
from service.db.models import Action, Case, Message
from service.db.reply_tables import ApprovalRule, BrandAccount, ReplyImage, ReplyRevision
from service.usecases import connections, saved, switches
from service.usecases.accounts import give_level
from service.usecases.people import known_person
from service.usecases.saved import Saved
from tests.web.composer_desk import ANSWER, Site, site
from tests.web.desk import post

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000003000100"
    "18dd8db00000000049454e44ae426082"
)


@pytest.fixture(params=["mastodon", "discourse"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with site(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def fedi(tmp_path: Path) -> Iterator[Site]:
    with site("mastodon", tmp_path) as found:
        yield found


def allow_pictures(desk: Site, **limits: object) -> None:
    with desk.deps.store.write() as session:
        row = session.scalars(select(BrandAccount)).one()
        row.limits = row.limits | {"images": 2, "image_bytes": 4_000, "image_types": ["image/png"], "alt": 100} | limits


def textarea(page: str) -> str:
    found = re.search(r'<textarea[^>]*name="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found
    return found[1]


# ------------------------------------------------------------------ refused


def test_who_has_no_right_on_an_account_is_offered_no_answer_and_gets_none(desk: Site) -> None:
    give_level(desk.deps, desk.account_id, "responder", None, "test")
    client = desk.enter("responder")
    assert "Answer publicly" not in client.get(f"/queue?thread={desk.thread_id}").text
    assert post(client, f"/cases/{desk.case_id}/reply").status_code == 400
    analyst = desk.enter("analyst")
    assert "Answer publicly" not in analyst.get(f"/queue?thread={desk.thread_id}").text
    assert post(analyst, f"/cases/{desk.case_id}/reply").status_code == 403


def test_who_may_only_draft_sends_nothing_by_any_form(fedi: Site) -> None:
    client = fedi.enter("responder")
    reply_id = fedi.begin(client)
    assert fedi.write(client, reply_id, "send").headers["Location"] == f"/replies/{reply_id}"
    assert fedi.reply(reply_id).state == "waiting"
    version = fedi.reply(reply_id).version
    for address in (f"/approvals/{reply_id}/approve", f"/replies/{reply_id}/send", f"/replies/{reply_id}/save"):
        assert post(client, address, version=version, text=ANSWER).status_code in (403, 409)
    fedi.step(60)
    assert (fedi.posts(), fedi.reply(reply_id).state) == (0, "waiting")


def test_somebody_elses_draft_is_neither_shown_nor_written(fedi: Site) -> None:
    reply_id = fedi.begin(fedi.enter("owner"))
    other = fedi.enter("manager")
    assert "/queue?thread=" in other.get(f"/replies/{reply_id}").headers["Location"]
    assert fedi.write(other, reply_id, text="mine").status_code == 409
    assert fedi.reply(reply_id).text == ""
    assert post(other, f"/replies/{reply_id}/discard", version=1).status_code == 409
    assert other.get(f"/replies/{reply_id}/live").status_code == 404


def test_a_replayed_send_sends_once(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = desk.begin(client)
    form = {"version": desk.reply(reply_id).version, "text": ANSWER}
    assert post(client, f"/replies/{reply_id}/send", **form).status_code == 303
    replayed = post(client, f"/replies/{reply_id}/send", **form)
    assert replayed.status_code == 409
    assert ANSWER in replayed.text
    desk.step(30)
    assert desk.posts() == 1


def test_in_shadow_and_while_all_is_stopped_a_draft_is_kept_and_nothing_is_offered_to_send(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    connections.set_shadow(fedi.deps, fedi.connection_id, True, "test")
    page = client.get(f"/replies/{reply_id}").text
    assert "in shadow" in page
    assert "Send in public" not in page
    forced = fedi.write(client, reply_id, "send")
    assert forced.status_code == 422
    assert "shadow mode" in forced.text
    assert fedi.reply(reply_id).text == ANSWER
    connections.set_shadow(fedi.deps, fedi.connection_id, False, "test")
    switches.set_stop(fedi.deps, True, "test")
    assert "All sending is stopped" in client.get(f"/replies/{reply_id}").text
    assert fedi.write(client, reply_id, "send").status_code == 422


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_is_not_sent(fedi: Site, text: str) -> None:
    client = fedi.enter("owner")
    answer = fedi.write(client, fedi.begin(client), "send", text)
    assert answer.status_code == 422
    assert "not sent yet" in answer.text


# ------------------------------------------------------------------ never lost


def test_a_stale_save_shows_both_texts_and_loses_neither(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    old = fedi.reply(reply_id).version
    fedi.write(client, reply_id, text="Typed in one window.")
    stale = post(client, f"/replies/{reply_id}/save", version=old, text="Typed in the other.")
    assert stale.status_code == 409
    assert "Typed in one window." in stale.text
    assert textarea(stale.text) == "Typed in the other."
    version = re.search(r'name="version" value="(\d+)"', stale.text)
    assert version
    chosen = post(client, f"/replies/{reply_id}/save", version=version[1], text="Typed in the other.")
    assert chosen.status_code == 303
    assert fedi.reply(reply_id).text == "Typed in the other."


def test_keeping_while_typing_answers_with_parts_and_says_when_it_is_stale(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    old = fedi.reply(reply_id).version
    parts = fedi.write(client, reply_id, text="Half a sen", live="1")
    assert parts.status_code == 200
    assert "<html" not in parts.text
    assert f'name="version" value="{old + 1}"' in parts.text
    assert 'data-live="preview"' in parts.text
    stale = post(client, f"/replies/{reply_id}/save", version=old, text="Half a sentence", live="1")
    assert stale.status_code == 409
    assert "changed elsewhere" in stale.text


def test_typing_is_one_wording_in_the_history_not_one_a_second(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    for text in ("P", "Pl", "Please"):
        fedi.write(client, reply_id, text=text, live="1")
    with fedi.deps.store.read() as session:
        assert [r.text for r in session.scalars(select(ReplyRevision))] == ["Please"]
    fedi.clock.pass_(minutes=11)
    fedi.write(client, reply_id, text="Please wait")
    with fedi.deps.store.read() as session:
        assert [r.text for r in session.scalars(select(ReplyRevision))] == ["Please", "Please wait"]


@pytest.mark.parametrize("wrong", [{"send_local": "tomorrow"}, {"send_local": "2001-01-01T10:00"}])
def test_words_are_in_the_page_when_something_beside_them_cannot_be_kept(fedi: Site, wrong: dict[str, str]) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    answer = fedi.write(client, reply_id, text="Every word.", reason_tone="because", **wrong)
    assert answer.status_code == 422
    assert textarea(answer.text) == "Every word."


def test_the_person_comes_back_to_their_own_draft(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id)
    assert fedi.begin(client) == reply_id
    assert "Continue your answer" in client.get(f"/queue?thread={fedi.thread_id}").text
    assert ANSWER in client.get(f"/replies/{reply_id}").text


def test_a_draft_that_is_given_up_is_gone_from_the_desk_and_stays_in_the_history(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id)
    fedi.write(client, reply_id, "discard")
    assert fedi.reply(reply_id).state == "cancelled"
    assert fedi.begin(client) != reply_id


# ------------------------------------------------------------------ what is seen


def test_where_it_goes_and_as_whom_is_said_and_the_mention_is_in_the_preview(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id)
    page = client.get(f"/replies/{reply_id}").text
    assert re.search(r"Public on 127\.0\.0\.1:\d+ as @brava", page)
    with fedi.deps.store.read() as session:
        answered = session.get_one(Message, fedi.reply(reply_id).message_id)
    preview = page.partition("As it will appear")[2]
    assert re.search(r"@\w+ " + ANSWER, preview)
    assert "You answer this" in page.partition(f'id="m{answered.id}"')[2]


def test_hostile_words_stay_words(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id, text="<script>alert(1)</script></textarea><b>{x}</b>")
    page = client.get(f"/replies/{reply_id}").text
    assert "<script>alert" not in page
    assert "&lt;/textarea&gt;" in page


def test_visibility_and_warning_of_what_is_answered_are_never_widened_nor_dropped(fedi: Site) -> None:
    with fedi.deps.store.write() as session:
        session.execute(update(Message).values(visibility="unlisted", content_warning="burns"))
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id, visibility="public", content_warning="")
    kept = fedi.reply(reply_id)
    assert (kept.visibility, kept.content_warning) == ("unlisted", "burns")
    page = client.get(f"/replies/{reply_id}").text
    assert "Never wider than what you answer" in page
    assert fedi.write(client, reply_id, visibility="direct").status_code == 422


def test_what_came_meanwhile_is_shown_and_only_what_was_shown_is_read(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.somebody_answers("It works again.")
    held = fedi.write(client, reply_id, "send")
    assert held.status_code == 422
    assert "It works again." in held.text
    assert textarea(held.text) == ANSWER
    upto = re.search(r'name="upto" value="(\d+)"', held.text)
    assert upto
    fedi.somebody_answers("Now it does not.")
    fedi.write(client, reply_id, "read", upto=upto[1])
    still = fedi.write(client, reply_id, "send")
    assert still.status_code == 422
    assert "Now it does not." in still.text


def test_an_answer_of_a_colleague_that_is_not_read_back_yet_is_not_doubled_blindly(fedi: Site) -> None:
    first, second = fedi.enter("owner"), fedi.enter("manager")
    mine, theirs = fedi.begin(first), fedi.begin(second)
    fedi.write(first, mine, "send")
    held = fedi.write(second, theirs, "send", "Another answer.")
    assert held.status_code == 422
    assert "owner" in held.text.partition("Say why")[0].rpartition("banner")[2]
    assert fedi.write(second, theirs, "send", "Another answer.", reason_answered="It adds the date.").status_code == 303
    fedi.step(30)
    assert (fedi.posts(), fedi.posts("Another answer.")) == (1, 1)


def test_who_also_writes_is_shown(fedi: Site) -> None:
    first, second = fedi.enter("owner"), fedi.enter("manager")
    fedi.write(first, fedi.begin(first), text="One way to say it.")
    page = second.get(f"/replies/{fedi.begin(second)}").text
    assert "owner is writing an answer here, too" in page
    assert "One way to say it." in page


# ------------------------------------------------------------------ guards


def test_a_finding_is_explained_passed_with_a_reason_and_the_reason_is_kept(fedi: Site) -> None:
    text = "Please e-mail us at help@brava.example."
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    held = fedi.write(client, reply_id, "send", text)
    if held.status_code == 303:
        pytest.skip("the guards of this build find nothing in these words")
    names = set(re.findall(r'name="(reason_\w+)"', held.text))
    assert names
    assert fedi.write(client, reply_id, "send", text, **dict.fromkeys(names, "Their wish.")).status_code == 303
    assert set(fedi.reply(reply_id).overrides.values()) == {"Their wish."}


def test_a_blank_blocks_and_offers_no_way_around(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    held = fedi.write(client, reply_id, "send", "Hello {name}.", reason_unfilled="a joke")
    assert held.status_code == 422
    assert "nobody can pass it" in held.text
    assert "reason_unfilled" not in held.text


def test_too_long_is_said_in_the_platforms_own_count(fedi: Site) -> None:
    allow_pictures(fedi, most=60, link=23)
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    link = "https://brava.com/" + "a" * 80
    assert fedi.write(client, reply_id, text=link).status_code == 303
    assert "too many" not in client.get(f"/replies/{reply_id}").text
    fedi.write(client, reply_id, text="a" * 80)
    assert "too many" in client.get(f"/replies/{reply_id}").text
    assert fedi.write(client, reply_id, "send", "a" * 80, reason_too_long="x").status_code == 422


# ------------------------------------------------------------------ saved replies, pictures, planning


def test_a_saved_reply_is_put_in_with_what_is_known_and_blocks_for_the_rest(fedi: Site) -> None:
    owner = known_person(fedi.deps, 1)
    assert owner is not None
    given = Saved(0, "Wait", "en", "Hello {name}, wait until {date}. {brand}", False)
    kept = saved.keep_reply(fedi.deps, None, given, owner)
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id, "saved", "First.", saved=kept)
    text = fedi.reply(reply_id).text
    assert text.startswith("First.\n\nHello ")
    assert "{name}" not in text
    assert "{brand}" not in text
    assert "{date}" in text
    assert fedi.write(client, reply_id, "send", text).status_code == 422
    assert fedi.write(client, reply_id, "saved", "First.").status_code == 422
    assert fedi.write(client, reply_id, "saved", "Mine.", saved=4711).status_code == 422
    assert fedi.reply(reply_id).text == "Mine."


@pytest.mark.parametrize(
    ("body", "name", "alt", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "a plug", "no picture"),
        (b"GIF89a" + b"0" * 20, "a.gif", "a plug", "no picture"),
        (PNG + b"0" * 4_000, "a.png", "a plug", "too large"),
        (PNG, "a.png", "  ", "cannot see it"),
        (PNG, "a.png", "x" * 101, "too long"),
        (b"", "a.png", "a plug", "Choose a picture"),
    ],
)
def test_a_picture_that_may_not_be_is_refused_and_the_words_stay(
    fedi: Site, body: bytes, name: str, alt: str, problem: str
) -> None:
    allow_pictures(fedi)
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    answer = fedi.write(client, reply_id, picture=(io.BytesIO(body), name), alt=alt)
    assert answer.status_code == 422
    assert problem in answer.text
    assert fedi.reply(reply_id).text == ANSWER
    with fedi.deps.store.read() as session:
        assert session.scalars(select(ReplyImage)).all() == []


def test_a_platform_without_pictures_is_offered_none(fedi: Site) -> None:
    allow_pictures(fedi, images=0)
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    assert 'type="file"' not in client.get(f"/replies/{reply_id}").text
    assert fedi.write(client, reply_id, picture=(io.BytesIO(PNG), "a.png"), alt="x").status_code == 422


def picture_of(fedi: Site, client: FlaskClient) -> tuple[int, int]:
    allow_pictures(fedi)
    reply_id = fedi.begin(client)
    assert fedi.write(client, reply_id, picture=(io.BytesIO(PNG), "C:\\a.exe"), alt="A plug.").status_code == 303
    with fedi.deps.store.read() as session:
        return reply_id, session.scalars(select(ReplyImage.id)).one()


def test_a_picture_is_shown_to_the_writer_as_what_its_bytes_say_and_to_nobody_without_right(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id, picture_id = picture_of(fedi, client)
    shown = client.get(f"/replies/{reply_id}/pictures/{picture_id}")
    assert (shown.content_type, shown.data) == ("image/png", PNG)
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert fedi.enter("responder").get(f"/replies/{reply_id}/pictures/{picture_id}").status_code == 404
    assert client.get(f"/replies/{reply_id + 1}/pictures/{picture_id}").status_code == 404


def test_a_picture_whose_words_are_taken_away_holds_the_answer_back_and_can_be_taken_off(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id, picture_id = picture_of(fedi, client)
    held = fedi.write(client, reply_id, "send", **{f"alt_{picture_id}": " "})
    assert held.status_code == 422
    assert "no description" in held.text
    fedi.write(client, reply_id, f"pictures/{picture_id}/remove")
    assert 'class="shots"' not in client.get(f"/replies/{reply_id}").text
    assert fedi.write(client, reply_id, "send").status_code == 303


def test_a_planned_answer_waits_for_its_time_and_can_be_taken_back_until_then(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    at = fedi.clock() + timedelta(hours=3)
    fedi.write(client, reply_id, "send", send_local="2001-01-01T00:00", send_at=at.isoformat())
    fedi.step(3600)
    assert fedi.posts() == 0
    page = client.get(f"/queue?thread={fedi.thread_id}").text
    assert "planned for" in page
    post(client, f"/replies/{reply_id}/undo")
    assert fedi.reply(reply_id).state == "draft"
    fedi.step(3 * 3600)
    assert fedi.posts() == 0


def test_a_time_without_a_zone_is_utc_as_the_field_says(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    at = (fedi.clock() + timedelta(days=1)).replace(second=0, microsecond=0)
    fedi.write(client, reply_id, send_local=at.strftime("%Y-%m-%dT%H:%M"))
    assert fedi.reply(reply_id).send_at == at
    assert f'data-utc="{at.strftime("%Y-%m-%dT%H:%M")}"' in client.get(f"/replies/{reply_id}").text


# ------------------------------------------------------------------ after the send


def test_it_can_be_undone_and_then_it_is_sent_once_with_its_link(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = desk.begin(client)
    sent = desk.write(client, reply_id, "send")
    page = client.get(sent.headers["Location"].partition("#")[0]).text
    assert "The answer goes out" in page
    assert f"/replies/{reply_id}/undo" in page
    undone = post(client, f"/replies/{reply_id}/undo")
    assert undone.headers["Location"] == f"/replies/{reply_id}"
    assert ANSWER in client.get(f"/replies/{reply_id}").text
    desk.step(30)
    assert desk.posts() == 0
    desk.write(client, reply_id, "send")
    desk.step()
    page = client.get(f"/queue?thread={desk.thread_id}").text
    assert "Sent" in page
    assert desk.reply(reply_id).url in page
    late = post(client, f"/replies/{reply_id}/undo")
    assert "/queue?thread=" in late.headers["Location"]
    assert "too late" in client.get(late.headers["Location"].partition("#")[0]).text
    assert desk.posts() == 1


def test_the_fragment_says_while_something_moves_and_stops_then(fedi: Site) -> None:
    client = fedi.enter("owner")
    reply_id = fedi.begin(client)
    fedi.write(client, reply_id, "send")
    address = f"/threads/{fedi.thread_id}/answers"
    moving = client.get(address)
    assert "data-moving" in moving.text
    unchanged = client.get(address, headers={"If-None-Match": moving.headers["ETag"]})
    assert unchanged.status_code == 304
    fedi.step()
    done = client.get(address).text
    assert "data-moving" not in done
    assert fedi.reply(reply_id).url in done


def test_what_the_platform_refuses_comes_back_with_the_reason_on_top_and_every_word(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = desk.begin(client)
    desk.write(client, reply_id, "send")
    with desk.deps.store.write() as session:
        session.execute(update(Action).values(target="999999999"))
    desk.step()
    back = desk.reply(reply_id)
    assert back.state == "returned"
    page = client.get(f"/replies/{reply_id}").text
    assert "It came back to you" in page
    assert ANSWER in textarea(page)
    with desk.deps.store.read() as session:
        assert session.get_one(Case, desk.case_id).open


def test_a_rule_makes_the_button_ask_for_approval_and_says_why(fedi: Site) -> None:
    with fedi.deps.store.write() as session:
        session.add(ApprovalRule(kind="role", value="responder", made_at=fedi.clock()))
    give_level(fedi.deps, fedi.account_id, "responder", Level.SEND, "test")
    client = fedi.enter("responder")
    reply_id = fedi.begin(client)
    page = client.get(f"/replies/{reply_id}").text
    assert "Ask for approval" in page
    assert "written by a responder" in page
    fedi.write(client, reply_id, "send")
    waiting = client.get(f"/replies/{reply_id}").text
    assert "It waits for manager or owner" in waiting
    post(client, f"/replies/{reply_id}/withdraw", version=fedi.reply(reply_id).version)
    assert fedi.reply(reply_id).state == "draft"


def test_a_picture_arrives_with_its_words(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = desk.begin(client)
    added = desk.write(client, reply_id, picture=(io.BytesIO(PNG), "a.png"), alt="A plug at the wall.")
    assert added.status_code == 303
    desk.write(client, reply_id, "send")
    desk.step()
    assert (desk.reply(reply_id).state, desk.posts()) == ("sent", 1)
    with desk.box.world.lock:
        told = [made.description for made in desk.box.world.fedi.shelf.held.values() if made.status_id]
        told += [p.raw for p in desk.box.world.forum.posts.values() if ANSWER in p.raw]
    assert len(told) == 1
    assert "A plug at the wall." in told[0]
