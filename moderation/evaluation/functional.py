"""The functional suite: short texts of our own, each probing one ability (after HateCheck, Röttger et al., 2021)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moderation.scoring.contract import CLASSES, INTENTS

FOLDER = Path(__file__).parent / "data"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class FunctionalCase:
    """`toxic` and `needs` are None where reasonable people differ. `calmer_than` is the id of the same emergency
    without the courtesies that this one adds. `term` is the identity term that a case is about."""

    id: str
    language: str
    kind: str
    text: str
    toxic: bool | None = None
    needs: bool | None = None
    classes: tuple[str, ...] = ()
    intent: str = ""
    term: str = ""
    calmer_than: str = ""


@cache
def functional_suite(language: str) -> tuple[FunctionalCase, ...]:
    """Every case of a language ("en" or "fr"). Raises ValueError with the case's id where one is malformed."""
    with (FOLDER / f"functional_{language}.toml").open("rb") as file:
        return tuple(_case(language, row) for row in tomllib.load(file)["case"])


def _case(language: str, row: dict[str, object]) -> FunctionalCase:
    try:
        case = FunctionalCase(language=language, **(row | {"classes": tuple(row.get("classes", ()))}))  # type: ignore[arg-type]
    except TypeError as error:
        raise ValueError(f"functional case {row.get('id')}: {error}") from error
    if not set(case.classes) <= set(CLASSES) or case.intent not in ("", *INTENTS):
        raise ValueError(f"functional case {case.id}: classes {case.classes} or intent {case.intent!r} is not known")
    return case
