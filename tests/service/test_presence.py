"""Who has a case open: since when, typing, and that it ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from moderation.errors import BadInput
from service.db.team_tables import Presence
from service.usecases import presence
from tests.support.crew import Crew, crew


@pytest.fixture
def here() -> Iterator[Crew]:
    with crew() as found:
        yield found


def seen(here: Crew, case: int, by: str = "rita") -> list[tuple[str, bool]]:
    return [(h.name, h.typing) for h in presence.around(here.deps, case, here.person(by)).here]


def test_a_case_that_is_not_there_has_nobody(here: Crew) -> None:
    with pytest.raises(BadInput):
        presence.look(here.deps, 4711, here.person("rob"))
    with pytest.raises(BadInput):
        presence.around(here.deps, 4711, here.person("rob"))
    assert here.rows(Presence) == []


def test_others_see_who_looks_since_when_and_who_types(here: Crew) -> None:
    case, start = here.case(), here.clock.at
    presence.look(here.deps, case, here.person("rob"))
    here.clock.pass_(seconds=40)
    presence.look(here.deps, case, here.person("rob"), typing=True)
    presence.look(here.deps, case, here.person("rita"))
    assert seen(here, case) == [("Rob", True)]
    assert seen(here, case, "rob") == [("Rita", False)]
    assert presence.around(here.deps, case, here.person("rita")).here[0].since == start
    here.clock.pass_(seconds=16)
    assert seen(here, case) == [("Rob", False)]


def test_it_ends_after_a_minute_by_itself_and_begins_anew(here: Crew) -> None:
    case = here.case()
    presence.look(here.deps, case, here.person("rob"))
    here.clock.pass_(seconds=59)
    assert seen(here, case) == [("Rob", False)]
    here.clock.pass_(seconds=1)
    assert seen(here, case) == []
    presence.look(here.deps, case, here.person("rob"))
    assert here.rows(Presence)[0].since == here.clock.at


def test_old_rows_go_and_leaving_is_at_once(here: Crew) -> None:
    one, two = here.case(), here.case()
    presence.look(here.deps, one, here.person("rob"))
    here.clock.at += timedelta(minutes=2)
    presence.look(here.deps, two, here.person("rita"))
    assert [(p.case_id) for p in here.rows(Presence)] == [two]
    presence.leave(here.deps, two, here.person("rita"))
    assert here.rows(Presence) == []
