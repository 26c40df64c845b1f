"""The trial of reputation: on the sandbox's story the planted experts come first and no impostor comes at all."""

from __future__ import annotations

from pathlib import Path

from scripts import try_reputation
from service.sandbox.writer import build_story
from service.usecases import reputation

IMPOSTORS = {"crema_king", "baristapro_max", "le_palais_dor"}


def test_experts_are_found_and_impostors_are_not() -> None:
    story = build_story(try_reputation.NOW, 10)
    experts = {m.username for m in story.members if m.role == "expert"}
    with try_reputation.desk(try_reputation.NOW) as deps:
        try_reputation.take_in(deps, story)
        found = reputation.rockstars(deps, shown=60)
    names = [c.account.handle for c in found.candidates]
    assert found.authors > 300 and set(names[:5]) <= experts and experts <= set(names)
    assert not IMPOSTORS & {*names, *(c.account.handle for c in found.others)}


def test_sets_that_are_absent_are_passed_over(tmp_path: Path) -> None:
    assert try_reputation.on_incivility(tmp_path) is None
    assert try_reputation.on_cyberado(tmp_path) is None
