"""`tenth evaluate` on small labelled folders: refusals first, then that figures are kept apart and repeat."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from moderation.errors import BadInput
from moderation.evaluation.functional import LANGUAGES, functional_suite
from service.cli import cli
from service.evaluation import table
from service.evaluation.sets import TRAINED, held_out, read_sets

ROOT = Path(__file__).resolve().parents[2]
ANGRY = ("you are a stupid clown number {}", "shut up, you idiot {}", "what a moron, number {}")
CALM = ("thank you, number {} works", "I like the colour of number {}", "see you on day {}")


def write(path: Path, column: str, rows: list[tuple[str, str]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "lang", column))
        writer.writerows((text, "en", label) for text, label in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [(form.format(n), "1") for n in range(40) for form in ANGRY]
    rows += [(form.format(n), "0") for n in range(40) for form in CALM]
    write(tmp_path / "tox_en_ours.train.csv.gz", "toxic", rows)
    write(tmp_path / "tox_en_davidson.train.csv.gz", "toxic", rows)
    (tmp_path / "README.md").write_text("nothing to measure")
    return tmp_path


def evaluate(*options: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", "--scorer", "embedded", *options])


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a folder"):
        read_sets(tmp_path / "none")
    (tmp_path / "plain.csv").write_text("text,lang\nhello,en\n")
    with pytest.raises(BadInput, match="toxic"):
        read_sets(tmp_path)


def test_what_trained_is_measured_on_its_held_out_fifth_only(folder: Path) -> None:
    trained, unseen = read_sets(folder)
    assert (trained.name, trained.in_domain) == ("tox_en_davidson", True)
    assert (unseen.name, unseen.in_domain) == ("tox_en_ours", False)
    assert len(unseen.texts) == 240
    assert len(trained.texts) + len(trained.training) == 240
    assert all(held_out(text.text) for text in trained.texts)
    assert {text.text for text in trained.texts}.isdisjoint(text for text, _ in trained.training)


def test_the_same_input_gives_the_same_figures(folder: Path) -> None:
    first, second = (json.loads(evaluate("--data", str(folder), "--json").stdout) for _ in range(2))
    for found in (first, second):
        assert found.pop("speed")[0]["per_core_second"] > 0
    assert first == second
    kinds = {(row["kind"], row["name"]) for row in first["sets"]}
    assert kinds == {("in domain", "tox_en_davidson"), ("unseen", "tox_en_ours")}
    (ours,) = [row for row in first["sets"] if (row["name"], row["judge"]) == ("tox_en_ours", "embedded")]
    assert ours["auc"]["value"] > 0.9
    assert ours["auc"]["low"] <= ours["auc"]["value"] <= ours["auc"]["high"]


def test_tables_for_people(folder: Path) -> None:
    found = evaluate("--data", str(folder))
    assert found.exit_code == 0
    for title in ("In domain", "Unseen domain", "Functional suite", "Speed and size"):
        assert title in found.stdout


def test_figures_as_people_read_them() -> None:
    assert [table.figure(v) for v in (0.8123, 1.0, 0.0, None, float("nan"))] == [".812", "1.00", ".000", "–", "–"]


def test_the_trained_sets_are_those_of_the_training_script() -> None:
    source = (ROOT / "scripts" / "training" / "corpora.py").read_text(encoding="utf-8")
    listed = source.split("TIER_A", 1)[1].split("\n)", 1)[0]
    for name in TRAINED:
        assert f'"{name}"' in listed


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_functional_suite_holds_what_it_promises(language: str) -> None:
    cases = functional_suite(language)
    assert len(cases) >= 600
    by_id = {case.id: case for case in cases}
    assert len(by_id) == len({case.text.casefold() for case in cases}) == len(cases)
    kinds = {case.kind for case in cases}
    wanted = {"negation", "quote", "counter_speech", "reclaimed", "affectionate", "self_directed", "identity_neutral"}
    assert wanted | {"obfuscation", "sarcasm", "quiet_emergency", "courtesy"} <= kinds
    for case in cases:
        if case.calmer_than:
            assert by_id[case.calmer_than].needs is True
        if case.kind == "identity_neutral":
            assert case.term
            assert case.toxic is False
