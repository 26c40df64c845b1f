"""Codes by time and recovery codes: each works once, and nothing is kept that could be read."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pyotp
import pytest

from moderation.errors import BadInput
from service.db.models import AuditEntry
from service.db.people_tables import CodeFactor, RecoveryCode, SignIn
from service.usecases import factors, sessions
from service.usecases.people import Known, create_person, sign_in
from tests.support.office import NEWEST, Office, office

PASSWORD = "a password long enough"


@pytest.fixture
def desk() -> Iterator[Office]:
    with closing(office()) as found:
        yield Office(found.app, found.at(NEWEST))


@pytest.fixture
def ada(desk: Office) -> Known:
    create_person(desk.deps, "ada", "owner", PASSWORD)
    found = sign_in(desk.deps, "ada", PASSWORD)
    assert found is not None
    return found


def app_of(desk: Office, ada: Known) -> pyotp.TOTP:
    """The app on a telephone, after codes were switched on five minutes ago."""
    factors.begin_codes(desk.deps, ada)
    found = factors.begun(desk.deps, ada)
    assert found is not None
    app = pyotp.parse_uri(found[1])
    assert isinstance(app, pyotp.TOTP)
    before = NEWEST - timedelta(minutes=5)
    assert factors.confirm_codes(desk.at(before), ada, app.at(before))
    return app


def test_a_secret_that_is_not_confirmed_proves_nothing(desk: Office, ada: Known) -> None:
    factors.begin_codes(desk.deps, ada)
    found = factors.begun(desk.deps, ada)
    assert found is not None
    assert factors.spend(desk.deps, ada, pyotp.TOTP(found[0]).at(NEWEST)) is None
    assert not factors.has_second(desk.deps, ada.id)
    assert not factors.confirm_codes(desk.deps, ada, "000000" if pyotp.TOTP(found[0]).at(NEWEST) != "000000" else "1")
    assert not factors.has_second(desk.deps, ada.id)


def test_a_code_works_once_and_so_does_none_before_it(desk: Office, ada: Known) -> None:
    app = app_of(desk, ada)
    code = app.at(NEWEST)
    assert factors.spend(desk.deps, ada, f" {code[:3]} {code[3:]} ") == "code"
    assert factors.spend(desk.deps, ada, code) is None
    assert factors.spend(desk.deps, ada, app.at(NEWEST - timedelta(seconds=30))) is None
    assert factors.spend(desk.deps, ada, app.at(NEWEST + timedelta(seconds=30))) == "code"
    assert factors.spend(desk.at(NEWEST + timedelta(seconds=30)), ada, code) is None


def test_the_code_that_switched_codes_on_is_used_up(desk: Office, ada: Known) -> None:
    app = app_of(desk, ada)
    before = NEWEST - timedelta(minutes=5)
    assert factors.spend(desk.at(before), ada, app.at(before)) is None


@pytest.mark.parametrize("seconds", [-90, -61, 61, 3600])
def test_a_code_of_another_time_is_refused(desk: Office, ada: Known, seconds: int) -> None:
    app = app_of(desk, ada)
    assert factors.spend(desk.deps, ada, app.at(NEWEST + timedelta(seconds=seconds))) is None


@pytest.mark.parametrize("typed", ["", "0", "٣٤٥٦٧٨", "x" * 10_000, "\x00", "1234567", "²³"])
def test_what_is_no_code_is_refused(desk: Office, ada: Known, typed: str) -> None:
    app_of(desk, ada)
    factors.make_recovery_codes(desk.deps, ada)
    assert factors.spend(desk.deps, ada, typed) is None


def test_the_code_of_another_person_is_refused(desk: Office, ada: Known) -> None:
    app_of(desk, ada)
    create_person(desk.deps, "bob", "owner", PASSWORD)
    bob = sign_in(desk.deps, "bob", PASSWORD)
    assert bob is not None
    app = app_of(desk, bob)
    codes = factors.make_recovery_codes(desk.deps, bob)
    assert factors.spend(desk.deps, ada, app.at(NEWEST)) is None
    assert factors.spend(desk.deps, ada, codes[0]) is None
    assert factors.spend(desk.deps, bob, codes[0]) == "recovery"


def test_ten_recovery_codes_each_work_once_however_they_are_typed(desk: Office, ada: Known) -> None:
    app_of(desk, ada)
    codes = factors.make_recovery_codes(desk.deps, ada)
    assert len(set(codes)) == 10
    for code in codes:
        assert factors.spend(desk.deps, ada, code.upper().replace("-", " ")) == "recovery"
        assert factors.spend(desk.deps, ada, code) is None
    assert factors.of_person(desk.deps, ada.id).recovery == 0
    assert [e.kind for e in desk.rows(AuditEntry)].count("person:recovery_used") == 10


def test_new_recovery_codes_end_the_old_ones(desk: Office, ada: Known) -> None:
    app_of(desk, ada)
    old, new = factors.make_recovery_codes(desk.deps, ada), factors.make_recovery_codes(desk.deps, ada)
    assert factors.spend(desk.deps, ada, old[0]) is None
    assert factors.spend(desk.deps, ada, new[0]) == "recovery"


def test_nothing_is_kept_that_could_be_read(desk: Office, ada: Known) -> None:
    app = app_of(desk, ada)
    codes = factors.make_recovery_codes(desk.deps, ada)
    kept = str([vars(row) for model in (CodeFactor, RecoveryCode) for row in desk.rows(model)])
    assert app.secret not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert factors.begun(desk.deps, ada) is None


def test_codes_that_are_on_are_not_begun_again(desk: Office, ada: Known) -> None:
    app_of(desk, ada)
    with pytest.raises(BadInput):
        factors.begin_codes(desk.deps, ada)


def test_switched_off_leaves_nothing(desk: Office, ada: Known) -> None:
    app = app_of(desk, ada)
    codes = factors.make_recovery_codes(desk.deps, ada)
    factors.remove_codes(desk.deps, ada)
    assert not factors.has_second(desk.deps, ada.id)
    assert factors.spend(desk.deps, ada, app.at(NEWEST)) is None
    assert factors.spend(desk.deps, ada, codes[0]) is None


def test_a_reset_takes_everything_and_signs_out(desk: Office, ada: Known) -> None:
    app_of(desk, ada)
    factors.make_recovery_codes(desk.deps, ada)
    sessions.begin(desk.deps, ada.id, "code", "")
    factors.reset(desk.deps, " ADA")
    assert desk.rows(CodeFactor) == desk.rows(RecoveryCode) == desk.rows(SignIn) == []
    assert desk.rows(AuditEntry)[-1].kind == "person:reset_factors"
    with pytest.raises(BadInput):
        factors.reset(desk.deps, "nobody")


def test_the_picture_is_an_svg_without_script_or_style(desk: Office, ada: Known) -> None:
    factors.begin_codes(desk.deps, ada)
    found = factors.begun(desk.deps, ada)
    assert found is not None
    assert found[1].startswith("otpauth://totp/Tenth:ada?secret=")
    picture = factors.picture(found[1])
    root = ET.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not {"script", "style"} & {e.tag.rpartition("}")[2] for e in root.iter()}
    assert b"style=" not in picture
