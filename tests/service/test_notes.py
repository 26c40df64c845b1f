"""Notes, who is called in by them, labels, and taking over what somebody has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput, NotAllowed
from service.db.models import Action, AuditEntry, Case, Outbox, Person
from service.db.team_tables import CaseNote, Mention
from service.usecases import cases, labels, notes, presence, teams
from service.usecases.cases import CLAIM, Intent, NeedsNote
from tests.support.crew import Crew, crew


@pytest.fixture
def here() -> Iterator[Crew]:
    with crew() as found:
        yield found


def claim(here: Crew, case_id: int, who: str, note: str = "") -> cases.Done:
    version = here.get(Case, case_id).version
    return cases.act(here.deps, case_id, Intent("claim", version, note=note), here.person(who))


# ------------------------------------------------------------------ notes


def test_who_may_not_decide_may_not_write_unless_called_in(here: Crew) -> None:
    case, other = here.case(), here.case()
    ana = here.person("ana")
    with pytest.raises(NotAllowed):
        notes.add_note(here.deps, case, "I know this one.", ana)
    notes.add_note(here.deps, case, "@ana do you know this fault?", here.person("rita"))
    notes.add_note(here.deps, case, "It is the valve.", ana)
    with pytest.raises(NotAllowed):
        notes.add_note(here.deps, other, "And this one?", ana)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 4001])
def test_a_note_needs_words_and_not_too_many(here: Crew, text: str) -> None:
    case = here.case()
    with pytest.raises(BadInput):
        notes.add_note(here.deps, case, text, here.person("rita"))
    with pytest.raises(BadInput):
        notes.add_note(here.deps, 4711, "Hello", here.person("rita"))
    assert here.rows(CaseNote) == []


def test_a_mention_calls_in_and_an_answer_ends_the_call(here: Crew) -> None:
    case = here.case("Steam hose")
    written = notes.add_note(here.deps, case, "@ana, @Mia. @nobody (@rita) can you look?", here.person("rita"))
    assert (set(written.called), written.unknown) == ({"ana", "mia"}, ("nobody",))
    ana, mia = here.person("ana"), here.person("mia")
    assert [(c.title, c.who, c.case_id) for c in notes.called(here.deps, ana)] == [("Steam hose", "Rita", case)]
    assert notes.called_count(here.deps, ana.id) == notes.called_count(here.deps, mia.id) == 1
    assert notes.called_count(here.deps, here.person("rita").id) == 0
    notes.add_note(here.deps, case, "@rita it is the gasket", ana)
    assert (notes.called_count(here.deps, ana.id), notes.called_count(here.deps, mia.id)) == (0, 1)
    assert notes.called_count(here.deps, here.person("rita").id) == 1
    shown = notes.notes_of(here.deps, case)
    assert [dict(n.called) for n in shown] == [{"ana": True, "mia": False}, {"rita": False}]


def test_a_call_is_put_aside_by_its_own_person_only(here: Crew) -> None:
    case = here.case()
    number = notes.add_note(here.deps, case, "@ana @mia ?", here.person("rita")).note_id
    with pytest.raises(BadInput):
        notes.put_aside(here.deps, number, here.person("rob"))
    notes.put_aside(here.deps, number, here.person("ana"))
    with pytest.raises(BadInput):
        notes.put_aside(here.deps, number, here.person("ana"))
    assert notes.called_count(here.deps, here.person("mia").id) == 1


def test_people_who_may_not_read_are_not_called(here: Crew) -> None:
    with here.deps.store.write() as session:
        session.query(Person).filter_by(username="rob").update({"role": "rock_star"})
        session.query(Person).filter_by(username="mia").update({"active": False})
    written = notes.add_note(here.deps, here.case(), "@rob @mia", here.person("rita"))
    assert (written.called, set(written.unknown)) == ((), {"rob", "mia"})
    assert here.rows(Mention) == []


def test_the_log_holds_digests_of_notes_and_no_word_of_them(here: Crew) -> None:
    case = here.case()
    number = notes.add_note(here.deps, case, "The customer is Secretname, @mia", here.person("rita")).note_id
    claim(here, case, "rob")
    claim(here, case, "rita", "Secretname is mine")
    notes.take_out(here.deps, number, here.person("rita"))
    assert here.kinds() == ["note:note", "case:claim", "note:takeover", "case:claim", "note:take_out"]
    assert "Secretname" not in here.logged()
    assert all(e.after or e.before for e in here.rows(AuditEntry, AuditEntry.kind.startswith("note:")))


def test_notes_never_leave(here: Crew) -> None:
    notes.add_note(here.deps, here.case(), "@mia inside only", here.person("rita"))
    assert here.rows(Action) == here.rows(Outbox) == []


def test_a_note_is_taken_out_by_its_writer_or_a_manager(here: Crew) -> None:
    case = here.case()
    first = notes.add_note(here.deps, case, "@ana personal data", here.person("rita")).note_id
    with pytest.raises(NotAllowed):
        notes.take_out(here.deps, first, here.person("rob"))
    assert notes.take_out(here.deps, first, here.person("mia")) == case
    note = notes.notes_of(here.deps, case)[0]
    assert (note.text, note.gone) == ("", True)
    assert notes.called(here.deps, here.person("ana")) == []
    with pytest.raises(BadInput):
        notes.take_out(here.deps, 4711, here.person("mia"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ada", [["ada"]]),
        ("Hi @Ada.", [["ada.", "ada"]]),
        ("(@ada, @bob-)", [["ada"], ["bob-", "bob"]]),
        ("mail ada@brava.example", []),
        ("@ada@brava.example", [["ada@brava.example"]]),
        ("@@", [["@"]]),
        ("@ada @ada", [["ada"]]),
        ("no one", []),
    ],
)
def test_names_are_found_as_people_write_them(text: str, names: list[list[str]]) -> None:
    assert notes.names_in(text) == names


@given(st.text(alphabet="@a.b -+\n", max_size=200))
def test_any_text_is_read_and_every_reading_stands_in_it(text: str) -> None:
    for readings in notes.names_in(text):
        assert all(f"@{reading}" in text for reading in readings)


# ------------------------------------------------------------------ taking over


def test_taking_over_needs_a_word_and_is_shown_to_whom_it_was_taken_from(here: Crew) -> None:
    case = here.case()
    claim(here, case, "rita")
    with pytest.raises(NeedsNote):
        claim(here, case, "rob")
    assert here.get(Case, case).person_id == here.person("rita").id
    claim(here, case, "rob", "You are at lunch, it burns.")
    rita = here.person("rita")
    assert [(c.kind, c.text) for c in notes.called(here.deps, rita)] == [("takeover", "You are at lunch, it burns.")]
    around = presence.around(here.deps, case, rita)
    assert around.taken is not None
    assert (around.taken.who, around.taken.note, around.holder) == ("Rob", "You are at lunch, it burns.", "Rob")
    notes.put_aside(here.deps, notes.called(here.deps, rita)[0].note_id, rita)
    assert presence.around(here.deps, case, rita).taken is None


def test_the_own_claim_and_an_expired_one_need_no_word(here: Crew) -> None:
    case = here.case()
    claim(here, case, "rita")
    claim(here, case, "rita")
    here.clock.at += CLAIM
    claim(here, case, "rob")
    assert here.rows(CaseNote) == []


def test_taking_over_can_be_undone_and_then_was_never_said(here: Crew) -> None:
    case = here.case()
    claim(here, case, "rita")
    done = claim(here, case, "rob", "Mine now.")
    cases.undo(here.deps, cases.Done.from_json(done.to_json()), here.person("rob"))
    assert here.get(Case, case).person_id == here.person("rita").id
    assert notes.called(here.deps, here.person("rita")) == []
    assert [n.text for n in notes.notes_of(here.deps, case)] == [""]


# ------------------------------------------------------------------ labels


def test_labels_come_from_the_list_only(here: Crew) -> None:
    case, rita = here.case(), here.person("rita")
    one = labels.add_label(here.deps, "Warranty", "test")
    for name in ("", "x" * 41, "warranty"):
        with pytest.raises(BadInput):
            labels.add_label(here.deps, name, "test")
    with pytest.raises(BadInput):
        labels.set_labels(here.deps, case, [one, 4711], rita)
    with pytest.raises(BadInput):
        labels.set_labels(here.deps, 4711, [one], rita)
    assert teams.marks_of(here.deps, [case]) == {}


def test_labels_are_set_changed_and_kept_when_they_leave_the_list(here: Crew) -> None:
    case, rita = here.case(), here.person("rita")
    one, two = (labels.add_label(here.deps, name, "test") for name in ("Warranty", "Press"))
    labels.set_labels(here.deps, case, [one, two], rita)
    assert teams.marks_of(here.deps, [case])[case].labels == ("Press", "Warranty")
    labels.close_label(here.deps, one, "test")
    labels.set_labels(here.deps, case, [], rita)
    assert teams.marks_of(here.deps, [case])[case].labels == ("Warranty",)
    labels.set_labels(here.deps, case, [], rita)
    assert [(w.name, w.cases) for w in labels.labels(here.deps)] == [("Press", 0)]
    assert labels.add_label(here.deps, "warranty", "test") == one
    assert here.kinds().count("case:labels") == 2
