"""Text as people disguise it -> the words they meant. Every token keeps its place in the original text.

Normalising is done token by token, never on the whole text: a reason quotes what the author wrote, and a token seen
before costs one cache look-up.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

HEAD, TAIL = 4000, 1000

_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
)
# The hyphen is one only between spaces.
_PAUSES = '-,;:()[]{}"«»“”/\\<>=+&%^~|–—'
_MARKS = "\u0300-\u036f\u0488\u0489\u1ab0-\u1aff\u20d0-\u20ff"
_INNER = rf"\w'’‘`*@$!|{_HIDDEN}{_MARKS}"

# One token is: a placeholder or address · letters spelled out one by one · a word with its disguise · a run of
# marks that end a sentence · a pause · one symbol or emoji. All repeats are bounded or over disjoint classes, so that
# matching stays linear. A token's kind shows from its text alone, so that all about it can be remembered.
_PARTS = rf"""
    (?P<place> <(?:url|email|number)> | https?://[^\s<>"]{{1,500}} | @\w{{1,60}}(?![\w*$]|[!|]\w) )
  | (?P<spaced> (?<![\w'’]) [^\W\d_] (?: [\ .\-_*]{{1,2}} [^\W\d_] ){{3,30}} (?![\w'’]) )
  | (?P<word> [\w*@$#{_HIDDEN}{_MARKS}] (?: [{_INNER}]{{0,60}} [\w*$'{_HIDDEN}{_MARKS}] )? )
  | (?P<end> [.!?…\n]{{1,40}} )
  | (?P<pause> [{re.escape(_PAUSES[1:])}] | (?<=\s)-(?=\s) )
  | (?P<symbol> [^\w\s\x00-\x1f\x7f-\x9f{_HIDDEN}{_MARKS}'’‘`\-] )
"""
TOKEN = re.compile(_PARTS, re.VERBOSE)
#: The tokens of a text as strings: the same ones, without where they stand.
tokens_of = re.compile(re.sub(r"\?P<\w+>", "?:", _PARTS), re.VERBOSE).findall
_MENTION = re.compile(r"@\w{1,60}")
_WORD = re.compile(rf"[\w*@$#{_HIDDEN}{_MARKS}]")

_DROP = re.compile(f"[{_HIDDEN}]")
_LOOKALIKE = str.maketrans("авеёкмнорстухіјѕԁԛԝһαβεικνορτυχηɑɡıʟʀɴ", "abeekmhopctyxijsdqwhabeikvoptuxnagilrn")
_LEET = str.maketrans("013457@$!|", "oieastasii")
#: What looks like an i may be an l.
_LEET_L = str.maketrans("013457@$!|", "oleastasll")
_ELISION = re.compile(r"^(l|d|j|m|t|s|c|n|qu|jusqu|lorsqu|puisqu|quelqu)'(?=\w{2})")
_REPEATS = re.compile(r"(.)\1{2,}")
_DOUBLES = re.compile(r"(.)\1+")


def kind_of(token: str) -> str:
    """What a token is: "place", "word" (spelled out or not), "end", "pause" or "symbol"."""
    if token[0] in ".!?…\n":
        return "end"
    if _MENTION.fullmatch(token) or "://" in token or (token[0] == "<" and len(token) > 1):
        return "place"
    if _WORD.match(token):
        return "word"
    return "pause" if token in _PAUSES else "symbol"


def clip(text: str) -> str:
    """Keep the beginning and the end of a long text: what a megabyte says in between is not worth its time."""
    return text if len(text) <= HEAD + TAIL else text[:HEAD] + "\n" + text[-TAIL:]


@cache
def _disguised() -> frozenset[str]:
    lines = (files("moderation.scoring") / "data" / "disguised.txt").read_text("utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


@cache
def _by_shape() -> dict[tuple[int, str], tuple[str, ...]]:
    """Disguised words by length and first letter: what a mask of stars is compared with."""
    shapes: dict[tuple[int, str], list[str]] = {}
    for word in sorted(_disguised()):
        shapes.setdefault((len(word), word[0]), []).append(word)
    return {shape: tuple(words) for shape, words in shapes.items()}


def fold(word: str) -> str:
    """Lower case without accents, ligatures or compatibility forms."""
    decomposed = unicodedata.normalize("NFKD", word.replace("œ", "oe").replace("æ", "ae").replace("Œ", "oe"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()


def _latin(word: str) -> str:
    """Replace look-alikes where Latin letters stand beside them; a word all in Cyrillic is left alone."""
    if word.isascii():
        return word
    mapped = word.translate(_LOOKALIKE)
    mixed = any("a" <= c <= "z" for c in word)
    return mapped if mixed or mapped in _disguised() else word


def _unmask(word: str) -> str:
    """Undo stars, digits and stretched letters where that gives a word that people disguise."""
    plain = word.strip("*!|'#")
    if plain in _disguised():
        return plain
    if "*" in plain:
        return _fill_stars(plain)
    bare = plain.translate(_LEET) if _mostly_letters(plain) else plain
    if bare in _disguised():
        return bare
    if bare != plain or _REPEATS.search(plain):
        single = _DOUBLES.sub(r"\1", bare)
        if single in _disguised():
            return single
    return _REPEATS.sub(r"\1\1", plain)


def _mostly_letters(word: str) -> bool:
    letters = sum(c.isalpha() for c in word)
    return letters > 1 and 3 * letters >= len(word)


def _fill_stars(word: str) -> str:
    if not word[0].isalpha() or word.count("*") >= len(word) - 1:
        return word.replace("*", "")
    letters = word.translate(_LEET)
    for known in _by_shape().get((len(word), letters[0]), ()):
        if all(a in ("*", b) for a, b in zip(letters, known, strict=True)):
            return known
    return word.replace("*", "")


def words_of(token: str) -> tuple[str, ...]:
    """The plain words that one token stands for (usually one; an elided article and its noun are two)."""
    word = _latin(fold(_DROP.sub("", token)))
    word = _spelled(word)
    elided = _ELISION.match(word)
    if elided:
        return (elided.group(1), _unmask(word[elided.end() :].replace("'", "")))
    plain = _unmask(word).replace("'", "")
    if plain.isdigit():
        return ("0",)
    return (plain,) if plain else ()


def _spelled(word: str) -> str:
    """One kind of apostrophe; letters that were spelled out one by one are a word."""
    word = word.replace("’", "'").replace("‘", "'").replace("`", "'")
    if " " in word or (len(word) > 6 and re.fullmatch(r"\w(?:[.\-_*]{1,2}\w)+", word)):
        return re.sub(r"[\s.\-_*]", "", word)
    return word


@lru_cache(maxsize=50_000)
def readings(token: str) -> tuple[frozenset[str], ...]:
    """For each word that a token stands for, all that it may mean, whether or not people often disguise that word.

    As written; look-alikes as Latin letters; digits and signs as letters; letters that were spelled out or stretched.
    A form that begins with "~" has no letter twice in a row (see `undoubled`). What a star hides stays a star.
    """
    if kind_of(token) == "place":
        return tuple(_meanings(word) for word in _parts_of_place(token))
    word = _spelled(fold(_DROP.sub("", token)))
    elided = _ELISION.match(word)
    words = [elided.group(1), word[elided.end() :]] if elided else [word]
    return tuple(_meanings(one) for one in words if one)


def undoubled(word: str) -> str:
    """The form of a word that its stretched spellings share."""
    return "~" + _DOUBLES.sub(r"\1", word)


def _parts_of_place(token: str) -> list[str]:
    """The words of an address; a mention may be a disguise of a word that begins with an a."""
    word = fold(_DROP.sub("", token))
    return [word] if word.startswith("@") else re.findall(r"\w+", word)


def _meanings(word: str) -> frozenset[str]:
    bare = (word.strip("*!|'#") or word).replace("'", "")
    found = {bare, bare.removeprefix("@"), bare.translate(_LOOKALIKE)}
    found |= {one.translate(leet) for one in found if _mostly_letters(one) for leet in (_LEET, _LEET_L)}
    stretched = [one for one in found if _REPEATS.search(one)]
    found |= {_REPEATS.sub(r"\1\1", one) for one in stretched} | {undoubled(one) for one in stretched}
    return frozenset(found - {""})
