"""What a password costs whoever guesses it, and which are not taken because the guess would cost nothing."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from service.auth.passwords import MIN_LENGTH, WeakPassword, hash_password, is_common, make_password
from service.usecases.invitations import make_link, use_link
from service.usecases.people import create_person, set_password
from tests.support.office import office


def test_a_password_is_hashed_at_the_full_cost_and_still_matches() -> None:
    """In a process of its own: the other tests hash cheaply."""
    script = (
        "from service.auth.passwords import hash_password, matches\n"
        "kept = hash_password('four words and a comma')\n"
        "print(kept.split('$')[0], matches(kept, 'four words and a comma'), matches(kept, 'four words, a comma'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["scrypt:32768:8:3", "True", "False"]


def test_the_most_common_passwords_are_not_taken_however_they_are_written() -> None:
    long = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH]
    assert len(long) > 200
    assert [word for word in long if not is_common(word)] == []
    assert [word for word in long if not is_common(word.capitalize())] == []


@pytest.mark.parametrize(
    "password",
    [
        *("qwertyuiop12", "azertyuiop2026", "1qaz2wsx3edc", "password2026!", "P@ssw0rdP@ssw0rd", "motdepasse2026"),
        *("iloveyou12345", "summersummer1", "20.11.2026!!", "Tenth2026Tenth", "abcdefgh123456"),
    ],
)
def test_what_everybody_would_try_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword, match="easy to guess"):
        hash_password(password)


@pytest.mark.parametrize(
    "password", ["GraceHopper2026", "grace.hopper!1", "Acme-support-2026", "acme-forum-acme", "PressOffice!2026"]
)
def test_names_of_the_person_and_the_house_are_no_secrets(password: str) -> None:
    words = (
        "grace.hopper",
        "Grace Hopper",
        "@press-office@social.acme.example",
        "Acme’s forum",
        "https://acme.example",
    )
    assert is_common(password, words)
    assert not is_common("four words and a comma", words)


def test_a_made_password_is_always_good_enough() -> None:
    for _ in range(200):
        assert not is_common(make_password(), ("kuma", "bida", "owner"))


def test_the_names_of_a_desk_count_for_who_is_made_changed_or_invited() -> None:
    with closing(office()) as desk:
        desk.archive("Bramble")
        with pytest.raises(WeakPassword):
            create_person(desk.deps, "ada", "owner", "Bramble!Ada2026")
        create_person(desk.deps, "ada", "owner", "four words and a comma")
        with pytest.raises(WeakPassword):
            set_password(desk.deps, "ada", "Bramble!Ada2026")
        token = make_link(desk.deps, "ada")
        with pytest.raises(WeakPassword):
            use_link(desk.deps, token, "Bramble!Ada2026")
        assert use_link(desk.deps, token, "quite another password").username == "ada"
