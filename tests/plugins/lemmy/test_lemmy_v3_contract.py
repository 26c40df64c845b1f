"""The parts of the contract suite that talk to a server, once more on 0.19 (v3): the rig itself is a 1.0 (v4)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from tests.contract import checks, test_contract, test_contract_posts, test_live
from tests.plugins.lemmy.rig import rig_for

MODULES = (test_live, test_contract_posts)
SINGLE = (test_contract.test_every_sample_says_something, test_contract.test_parsing_is_pure)


def cases() -> Iterator[Any]:
    tests = [t for m in MODULES for n, t in vars(m).items() if n.startswith("test_") and inspect.isfunction(t)]
    for test in dict.fromkeys([*tests, *SINGLE]):
        for given in expanded(test):
            if given.get("name") == "lemmy":
                words = "-".join(str(value) for key, value in given.items() if key != "name")
                yield pytest.param(test, given, id=f"{test.__name__}-{words}".rstrip("-"))


def expanded(test: Callable[..., None]) -> Iterator[Mapping[str, Any]]:
    """Each set of arguments that the marks of a test ask for."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    for chosen in product(*(one_mark(*mark.args) for mark in marks)):
        yield {name: value for part in chosen for name, value in part.items()}


def one_mark(names: str | tuple[str, ...], rows: Any) -> list[dict[str, Any]]:
    several = (names,) if isinstance(names, str) else names
    return [dict(zip(several, [row] if isinstance(names, str) else row, strict=True)) for row in rows]


@pytest.mark.parametrize(("test", "given"), [*cases()])
def test_v3_keeps_the_contract(
    test: Callable[..., None], given: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (*MODULES, test_contract, checks):
        monkeypatch.setattr(module, "rig_of", lambda _: rig_for(v4=False))
    wants = inspect.signature(test).parameters
    test(**given, **({"monkeypatch": monkeypatch} if "monkeypatch" in wants else {}))
