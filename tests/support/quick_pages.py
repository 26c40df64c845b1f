"""What makes a test's application quick: templates and routes are compiled once a process, not once an application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule
from werkzeug.routing.map import DEFAULT_CONVERTERS

_compile = Rule.compile


@contextmanager
def quick_pages() -> Iterator[None]:
    """For as long as it is open, in this process."""
    kept: dict[Any, Rule] = {}

    def compile(rule: Rule) -> None:
        """What is compiled depends on what the rule says alone, never on its endpoint or application."""
        assert rule.map is not None
        if rule.defaults or rule.map.host_matching or rule.map.converters != DEFAULT_CONVERTERS:
            _compile(rule)
            return
        key = (rule.rule, rule.subdomain, rule.merge_slashes)
        if key in kept:
            _copy(kept[key], rule)
        else:
            _compile(rule)
            kept[key] = rule

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", compile)
        patch.setitem(Flask.jinja_options, "bytecode_cache", _InMemory())
        yield


def _copy(made: Rule, rule: Rule) -> None:
    rule._parts, rule._trace, rule._converters = list(made._parts), list(made._trace), dict(made._converters)
    rule.arguments |= set(made._converters)
    rule._build = made._build.__func__.__get__(rule)  # type: ignore[attr-defined]
    rule._build_unknown = made._build_unknown.__func__.__get__(rule)  # type: ignore[attr-defined]


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
