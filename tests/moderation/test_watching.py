"""Watched words: found however they are written, never more than whole words; no pattern holds the reader up."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.watching import LONGEST, Kind, Watched, Watcher, checked

WORDS = st.text(string.ascii_lowercase, min_size=4, max_size=10)
HIDDEN = "\u200b\u200d\u2060\u00ad\ufeff\U000e0041"
ACCENTS = "\u0300\u0301\u0308\u0327"
TWINS = dict(zip("aeopcxyi", "аеорсхуі", strict=True))
FILLER = ("so", "well", "then", "zzz")


def found(kind: Kind, wanted: str, text: str) -> bool:
    return Watcher([Watched(1, kind, checked(kind, wanted))]).find(text) == (1,)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (Kind.WORD, "", "what is to be found"),
        (Kind.WORD, "\u200b \x00", "what is to be found"),
        (Kind.WORD, "?!...", "no word"),
        (Kind.WORD, "the", "nearly everything"),
        (Kind.PATTERN, ".*", "nearly everything"),
        (Kind.PATTERN, "a*", "nearly everything"),
        (Kind.PATTERN, r"\w", "nearly everything"),
        (Kind.PATTERN, "(spam", "not a pattern"),
        (Kind.PATTERN, r"(a)\1", "not a pattern"),
        (Kind.PATTERN, "(?=spam)", "not a pattern"),
        (Kind.PATTERN, "(spam{1,30}){1,30}", "too large"),
        (Kind.PATTERN, r"((\pL{1,99}){1,9}){1,9}x", "not a pattern"),
        (Kind.WORD, "a" * (LONGEST + 1), "at most"),
        ("glob", "spam*", "a word or a pattern"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_a_reason(kind: str, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        checked(kind, text)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("viagra", "Buy VIAGRA!"),
        ("viagra", "v1agra, v!agra and v.i.a.g.r.a"),
        ("viagra", "vi\u200bagra"),
        ("viagra", "vıаgrа"),
        ("viagra", "viaaaagra"),
        ("viagra", "v**gra"),
        ("viagra", "𝐯𝐢𝐚𝐠𝐫𝐚"),
        ("walmart", "wa1mart"),
        ("naïveté", "NAIVETE"),
        ("arnaque", "C’est l’arnaque."),
        ("crypto king", "the Crypto, King!"),
        ("spam.example", "see https://spam.example/buy?x=1"),
        ("spam.example", "see spam.example now"),
        ("1488", "well, 1488."),
        ("🔫", "so 🔫!"),
        ("@bob", "hey @bob!"),
        ("hello", "heeelloooo"),
    ],
)
def test_a_word_is_found_however_it_is_written(wanted: str, text: str) -> None:
    assert found(Kind.WORD, wanted, text)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("class", "classic classes"),
        ("ass", "pass the glass"),
        ("1488", "it costs 2000"),
        ("crypto king", "I like crypto. King of the hill!"),
        ("crypto king", "king crypto"),
        ("spam.example", "spam and an example"),
        ("bos", "the boss"),
    ],
)
def test_only_whole_words_are_found(wanted: str, text: str) -> None:
    assert not found(Kind.WORD, wanted, text)


@given(WORDS, st.data())
def test_no_disguise_hides_a_word(word: str, data: st.DataObject) -> None:
    assume(word not in FILLER)
    hidden = "".join(
        data.draw(st.sampled_from([c, c.upper(), c + data.draw(st.sampled_from(HIDDEN)), c + ACCENTS[0]])) for c in word
    )
    twin = data.draw(st.sampled_from(sorted(TWINS)))
    before, after = (data.draw(st.sampled_from(FILLER)) for _ in "ab")
    find = Watcher([Watched(7, Kind.WORD, word)]).find
    for said in (hidden, word.replace(twin, TWINS[twin]), word + word[-1] * 3):
        assert find(f"{before} {said}, {after}") == (7,), said


@given(WORDS, st.text(string.ascii_letters, min_size=1, max_size=5))
def test_a_word_inside_a_longer_one_is_another(word: str, more: str) -> None:
    longer = word + more
    assume(not set(more.lower()) <= set(word[-1]))
    assert not Watcher([Watched(1, Kind.WORD, word)]).find(f"{longer} 7")


@given(st.lists(st.tuples(st.sampled_from(Kind), WORDS), max_size=6, unique=True), st.text(max_size=80))
def test_a_watch_finds_the_same_alone_and_among_others(wanted: list[tuple[Kind, str]], text: str) -> None:
    text += " ".join(word for _, word in wanted[::2])
    watches = [Watched(n, kind, word) for n, (kind, word) in enumerate(wanted)]
    together = Watcher(watches).find(text)
    assert together == tuple(w.id for w in watches if Watcher([w]).find(text))


@given(st.text(max_size=300), st.text(max_size=60))
def test_whatever_somebody_types_is_kept_or_refused(text: str, pattern: str) -> None:
    """No text and no pattern makes it fail in another way; what is kept is kept as it is the second time."""
    for kind in Kind:
        try:
            kept = checked(kind, pattern)
        except BadInput:
            continue
        assert checked(kind, kept) == kept
        Watcher([Watched(1, kind, kept)]).find(text)


@pytest.mark.parametrize("piece", ["a", "x", "ab", "aé"])
@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(x+x+)+y", "(.*a){12}b", "(a*)*c"])
def test_a_pattern_that_ruins_other_engines_ends_with_the_text(pattern: str, piece: str) -> None:
    """Each of these takes longer than the universe lasts where an engine goes back to try again."""
    assert Watcher([Watched(1, Kind.PATTERN, pattern)]).find(piece * 8_000) in ((), (1,))


def test_a_pattern_reads_the_text_plain_and_undisguised() -> None:
    assert found(Kind.PATTERN, r"bit\.ly/\w+", "see HTTPS://Bit.ly/abc")
    assert found(Kind.PATTERN, "fuck", "f*ck this")
    assert found(Kind.PATTERN, "gratuité?s? promo", "GRATUITÉ PROMO")
    assert not found(Kind.PATTERN, r"^\W+spam$", "a spam")
