"""Sentences of errors in the reader's language.

An error is said in English where it happens, and many are kept as text in the database, said by a worker for whoever
reads them later. So they are translated where they are shown: `extract` puts every sentence that an error of ours is
made with into the catalogues, in the context "error" and with `{name}` where a value stands; `told` finds the one that
a text was made from, and says it with the same values.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import IO, Any

from flask_babel import get_translations

from moderation.errors import TenthError

CONTEXT = "error"
#: Errors that have words of their own elsewhere: who comes from another server, and the API of Perspective.
_OTHERS = frozenset({"Trouble", "GoogleError"})
#: Between context and sentence, as gettext keeps them.
_GLUE = "\x04"
#: Nothing longer is a sentence of ours.
_LONGEST = 2_000


def told(text: object) -> str:
    """An error, or what was kept of one, in the language of this request; what is not known stays as it is."""
    said = str(text)
    return Sentences.of(get_translations()).told(said) if len(said) <= _LONGEST else said


class Sentences:
    """What a catalogue knows: sentences as they are, and those with values, the longest first."""

    def __init__(self, known: dict[str, str]) -> None:
        self.plain = known
        with_values = [(pieces(sentence), other) for sentence, other in known.items() if "{" in sentence]
        self.with_values = sorted(with_values, key=lambda one: -sum(map(len, one[0][0])))

    @classmethod
    def of(cls, translations: Any) -> Sentences:
        """Those of a catalogue of gettext; they are kept with it."""
        kept = getattr(translations, "tenth_sentences", None)
        if kept is None:
            catalogue: dict[Any, str] = getattr(translations, "_catalog", {})
            mark = CONTEXT + _GLUE
            ours = {k.removeprefix(mark): v for k, v in catalogue.items() if isinstance(k, str) and k.startswith(mark)}
            kept = translations.tenth_sentences = cls(ours)
        found: Sentences = kept
        return found

    def told(self, said: str) -> str:
        """The sentence in the other language; a value may be one, too."""
        if said in self.plain:
            return self.plain[said]
        for (words, names), other in self.with_values:
            given = values(words, said)
            if given is not None:
                filled = dict(zip(names, map(self.told, given), strict=True))
                between, places = pieces(other)
                return "".join(w + filled.get(n, "") for w, n in zip(between, [*places, ""], strict=True))
        return said


def pieces(sentence: str) -> tuple[list[str], list[str]]:
    """The words between the values, and the values' names: one less."""
    words, names = [""], []
    for part in sentence.split("{"):
        name, closed, rest = part.partition("}")
        if closed:
            names.append(name)
            words.append(rest)
        else:
            words[-1] += part
    return words, names


def values(words: Sequence[str], text: str) -> list[str] | None:
    """What stands between these words in a text that is made of them; None when it is not. In linear time."""
    first, *middle, last = words
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return None
    found, at, end = [], len(first), len(text) - len(last)
    for word in middle:
        until = text.find(word, at, end)
        if until < 0:
            return None
        found.append(text[at:until])
        at = until + len(word)
    return [*found, text[at:end]]


# ------------------------------------------------------------------ into the catalogues


def extract(fileobj: IO[bytes], *_given: Any, **_options: Any) -> Iterator[tuple[int, str, Any, Any]]:
    """The sentences of one file, as Babel wants an extractor to be called and to answer."""
    tree = ast.parse(fileobj.read())
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) in kinds():
            for sentence in dict.fromkeys(s for given in call.args for s in _said(tree, given)):
                yield call.lineno, "pgettext", (CONTEXT, sentence), []


@cache
def kinds() -> frozenset[str]:
    """The names of all kinds of errors whose text may be shown to a person."""
    for package in ("plugins", "service.auth", "service.usecases"):
        root = import_module(package)
        for module in pkgutil.walk_packages(root.__path__, package + "."):
            import_module(module.name)
    found: list[type] = [TenthError]
    for kind in found:
        found += kind.__subclasses__()
    return frozenset(kind.__name__ for kind in found) - _OTHERS


def _said(tree: ast.Module, given: ast.expr) -> Iterator[str]:
    """The sentences that an argument may be."""
    if isinstance(given, ast.Constant) and isinstance(given.value, str) and " " in given.value:
        yield given.value
    elif isinstance(given, ast.JoinedStr):
        yield _with_names(given)
    elif isinstance(given, ast.IfExp):
        yield from (*_said(tree, given.body), *_said(tree, given.orelse))
    elif isinstance(given, ast.Name):
        yield from _found(tree, lambda node: _assigned(node, given.id))
    elif isinstance(given, ast.Call):
        yield from _found(tree, lambda node: _returned(node, _name(given.func)))


def _found(tree: ast.Module, look: Callable[[ast.AST], list[ast.expr]]) -> Iterator[str]:
    for node in ast.walk(tree):
        for value in look(node):
            yield from (s for s in _said(ast.Module([], []), value))


def _assigned(node: ast.AST, name: str) -> list[ast.expr]:
    named = isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    return [node.value] if isinstance(node, ast.Assign) and named else []


def _returned(node: ast.AST, name: str) -> list[ast.expr]:
    if not isinstance(node, ast.FunctionDef) or node.name != name:
        return []
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value is not None]


def _with_names(text: ast.JoinedStr) -> str:
    """An f-string with a name for each value: the last word of what is written there."""
    said, seen = "", dict[str, int]()
    for part in text.values:
        if isinstance(part, ast.FormattedValue):
            name = _name(part.value).strip("_").lower() or "value"
            seen[name] = seen.get(name, 0) + 1
            said += f"{{{name}{seen[name] if seen[name] > 1 else ''}}}"
        elif isinstance(part, ast.Constant):
            said += str(part.value)
    return said


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
