"""Connectors come in by entry points; one that is broken stops start-up with its name and cause."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from plugins.contract import Connector
from plugins.registry import GROUP, ConnectorLoadError, load


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


ARCHIVE = point("archive", "plugins.archive:connector")


def test_the_installed_connectors_are_found_by_name() -> None:
    found = load()
    assert {"archive", "discourse", "mastodon"} <= set(found)
    assert all(isinstance(connector, Connector) and connector.name == name for name, connector in found.items())


def test_only_what_is_given_is_loaded() -> None:
    assert list(load([ARCHIVE])) == ["archive"]
    assert load([]) == {}


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("plugins.nowhere:connector", "No module named 'plugins.nowhere'"),
        ("plugins.archive:nothing", "has no attribute 'nothing'"),
        ("plugins.archive:connector.nothing", "has no attribute 'nothing'"),
    ],
)
def test_a_connector_that_cannot_be_loaded_is_named_with_the_cause(value: str, cause: str) -> None:
    with pytest.raises(ConnectorLoadError, match="“broken” cannot be loaded") as caught:
        load([ARCHIVE, point("broken", value)])
    assert cause in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("value", ["plugins.archive:intake", "plugins.archive:ArchiveSettings", "json:dumps"])
def test_what_is_no_connector_is_refused(value: str) -> None:
    with pytest.raises(ConnectorLoadError, match="does not keep the connector contract"):
        load([point("odd", value)])


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ConnectorLoadError, match="Two connectors are named “archive”"):
        load([ARCHIVE, point("again", "plugins.archive:connector")])
