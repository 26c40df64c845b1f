"""The connectors that are installed, and their rigs."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import cast

from plugins.registry import load
from tests.contract.rig import Rig

ROOT = Path(__file__).parents[2]
CONNECTORS = load()


@cache
def rig_of(name: str) -> Rig:
    """The rig of a connector, or a failure that says what to write."""
    where = f"tests/plugins/{name}/rig.py"
    if not (ROOT / where).exists():
        raise AssertionError(f"The connector “{name}” has no {where}. Write one as tests/contract/rig.py says.")
    return cast(Rig, importlib.import_module(f"tests.plugins.{name}.rig").rig())
