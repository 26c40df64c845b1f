"""`tenth bench policy` asks each kind of question and answers in JSON beside its baseline."""

from __future__ import annotations

import json

from click.testing import CliRunner

from service.cli.bench import bench


def test_rates_and_ratios_are_of_one_run() -> None:
    run = CliRunner().invoke(bench, ["policy", "--calls", "1000", "--json"])
    found = json.loads(run.stdout)
    assert run.exit_code == 0
    assert min(found["by_role"], found["by_grant"], found["refused"]) > 0
    assert abs(found["grant_ratio"] - found["by_grant"] / found["by_role"]) < 0.01
    assert abs(found["refused_ratio"] - found["refused"] / found["by_role"]) < 0.01
