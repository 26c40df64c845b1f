"""What makes a test's application quick: templates and routes are compiled once a process, not once an application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

_compile_builder = Rule._compile_builder


@contextmanager
def quick_pages() -> Iterator[None]:
    """For as long as it is open, in this process."""
    builders: dict[Any, Callable[..., tuple[str, str]]] = {}

    def compile_builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """A builder takes its converters from the rule that it is called for, so that rules written alike share it."""
        if rule.defaults:
            return _compile_builder(rule, append_unknown)
        key = (append_unknown, *rule._trace)
        if key not in builders:
            builders[key] = _compile_builder(rule, append_unknown)
        return builders[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_builder)
        patch.setitem(Flask.jinja_options, "bytecode_cache", _InMemory())
        yield


class _InMemory(BytecodeCache):
    """Kept by name, file and text of a template; a template that changed is compiled again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        found = self._kept.get((bucket.key, bucket.checksum))
        if found is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()
