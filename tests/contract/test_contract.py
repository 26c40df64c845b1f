"""What every connector promises without being connected: its face, its files, and what it makes of input."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.model import Ignored
from plugins.contract import Connector, Delivery, ReadsFiles
from tests.contract.checks import parsed, secret
from tests.contract.found import CONNECTORS, ROOT, rig_of

SECRET_WORDS = ("token", "secret", "password", "key")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)

every = pytest.mark.parametrize("name", sorted(CONNECTORS))
with_files = pytest.mark.parametrize("name", sorted(n for n, c in CONNECTORS.items() if isinstance(c, ReadsFiles)))


# ------------------------------------------------------------------ its face


@every
def test_it_keeps_the_protocol_and_has_a_rig(name: str) -> None:
    connector = CONNECTORS[name]
    assert isinstance(connector, Connector)
    assert connector.name == name
    assert connector.name.isidentifier()
    assert connector.name == connector.name.lower()
    assert connector.label.strip() == connector.label != ""
    assert connector.window in {"now", "newest"}
    assert isinstance(rig_of(name).settings, connector.settings)


@every
def test_each_setting_is_described_and_each_credential_is_secret(name: str) -> None:
    for field, info in CONNECTORS[name].settings.model_fields.items():
        assert info.description, f"the setting “{field}” has no description"
        if any(word in field.lower().split("_") for word in SECRET_WORDS):
            assert "SecretStr" in str(info.annotation), f"“{field}” holds a credential and is not typed SecretStr"


@every
def test_credentials_do_not_show_in_the_settings_text(name: str) -> None:
    shown = rig_of(name).settings
    for field in shown.secret_names():
        assert secret(getattr(shown, field)) not in f"{shown!r} {shown} {shown.model_dump_json()}"


@every
def test_it_says_where_the_community_lives(name: str) -> None:
    url = CONNECTORS[name].url(rig_of(name).settings)
    assert url == "" or url.startswith(("https://", "http://"))


@every
def test_its_readme_tells_limits_and_versions(name: str) -> None:
    path = ROOT / "plugins" / name / "README.md"
    assert path.exists(), f"write {path.relative_to(ROOT)}"
    headings = [line.lower() for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    for word in ("limit", "version"):
        assert any(word in heading for heading in headings), f"no heading on {word}s"


@every
def test_no_capability_without_a_session(name: str) -> None:
    if CONNECTORS[name].capabilities:
        assert rig_of(name).stage is not None


# ------------------------------------------------------------------ what it makes of input


def kinds(name: str) -> list[str]:
    return sorted({delivery.kind for delivery in rig_of(name).deliveries()})


@every
def test_every_sample_says_something(name: str) -> None:
    samples = rig_of(name).deliveries()
    assert samples
    for delivery in samples:
        events = parsed(name, delivery)
        assert events is not None
        assert not all(isinstance(one, Ignored) for one in events.events), delivery


@every
def test_parsing_is_pure(name: str) -> None:
    for delivery in rig_of(name).deliveries():
        assert parsed(name, delivery) == parsed(name, delivery)


@every
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_arbitrary_bytes_are_refused_with_a_reason(name: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(kinds(name)) | st.text(max_size=8))
    body = st.binary(max_size=60) | st.text().map(lambda text: text.encode("utf-8", "replace"))
    parsed(name, Delivery("k", kind, data.draw(body)))


@every
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_arbitrary_json_is_refused_with_a_reason(name: str, data: st.DataObject) -> None:
    body = json.dumps(data.draw(JSON)).encode()
    parsed(name, Delivery("k", data.draw(st.sampled_from(kinds(name))), body))


@every
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_sample_with_one_strange_part_is_parsed_or_refused(name: str, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(rig_of(name).deliveries()))
    body = json.loads(sample.body)
    *way, last = data.draw(st.sampled_from(list(places(body))))
    inner = body
    for step in way:
        inner = inner[step]
    strange = [10**30, -1, "", "\x00", "\ud800", "0001-01-01T00:00:00Z", 1e308, [[]]]
    inner[last] = data.draw(JSON | st.sampled_from(strange))
    parsed(name, Delivery(sample.key, sample.kind, json.dumps(body).encode()))


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*above, step)
        yield from places(inner, (*above, step))


@every
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"1" * 5000]
)
def test_hostile_bodies_are_refused_or_ignored(name: str, body: bytes) -> None:
    for kind in kinds(name):
        parsed(name, Delivery("k", kind, body))


@every
@pytest.mark.parametrize(
    "piece", ["<p>", "<blockquote>", "<", "&lt", "[quote]", "@a ", "![", "![a|", "![" + "a" * 50_000]
)
def test_the_longest_text_takes_no_more_than_linear_time(name: str, piece: str) -> None:
    """Remote servers choose the markup: 600 KB of it must not hold a worker."""
    sample = max(rig_of(name).deliveries(), key=lambda delivery: len(delivery.body))
    body = json.loads(sample.body)
    for *way, last in list(places(body)):
        inner = body
        for step in way:
            inner = inner[step]
        if last in {"text", "content", "cooked", "raw"}:
            inner[last] = piece * (600_000 // len(piece))
    started = time.process_time()
    parsed(name, Delivery(sample.key, sample.kind, json.dumps(body).encode()))
    assert time.process_time() - started < 6.0, "quadratic time takes far longer"


@every
def test_what_was_not_admitted_leaves_nothing(name: str) -> None:
    for kind in kinds(name):
        events = parsed(name, Delivery("k", kind, b"", admitted=False))
        assert events is None or all(isinstance(one, Ignored) for one in events.events)


# ------------------------------------------------------------------ files


def read(name: str, raw: bytes) -> list[Any]:
    return list(cast(ReadsFiles, CONNECTORS[name]).read(io.BytesIO(raw)))


@with_files
def test_the_same_file_twice_gives_the_same_keys(name: str) -> None:
    files = rig_of(name).files
    assert files, f"tests/plugins/{name}/rig.py gives no files, and the connector reads them"
    for raw, _ in files:
        first = read(name, raw)
        assert first == read(name, raw)
        assert all(isinstance(one, Delivery) for one in first)


@with_files
def test_private_parts_of_a_file_leave_only_their_key(name: str) -> None:
    for raw, private in rig_of(name).files:
        for delivery in read(name, raw):
            assert delivery.admitted or delivery.body == b""
            assert not any(text.encode() in delivery.body for text in private)


@with_files
@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=300) | st.lists(JSON.map(json.dumps)).map(lambda lines: "\n".join(lines).encode()))
def test_any_file_gives_deliveries_and_bad_lines_only(name: str, raw: bytes) -> None:
    for one in read(name, raw):
        if isinstance(one, Delivery):
            assert parsed(name, one) is not None
        else:
            assert one.number > 0
            assert one.reason


def test_every_folder_of_plugins_is_an_installed_connector() -> None:
    folders = {path.parent.name for path in Path(ROOT / "plugins").glob("*/__init__.py")}
    shared = {"net"}
    assert folders - shared <= set(CONNECTORS), "a folder is not in the entry points of pyproject.toml"
