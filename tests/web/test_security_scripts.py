"""What is sent to browsers: scripts that keep nothing and make no markup of words, pages whose words are escaped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from service.web import show

SCRIPTS = sorted(show.STATIC.glob("*.js"))
STYLES = sorted(show.STATIC.glob("*.css"))
TEMPLATES = sorted((show.STATIC.parent / "templates").rglob("*.html"))
#: Words that become code or markup, are kept after the session, or come from or go to another window.
NEVER = (
    r"\beval\b|new Function|document\.write|(?:inner|outer)HTML\s*\+?=[^=]|insertAdjacentHTML|createContextualFragment|"
    r"localStorage|sessionStorage|indexedDB|document\.cookie|postMessage|addEventListener\(.message|__proto__|"
    r"importScripts|serviceWorker|setTimeout\(\s*[\"'`]|import\("
)


def test_there_is_something_to_look_at() -> None:
    assert len(SCRIPTS) > 2
    assert len(TEMPLATES) > 20


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_a_script_makes_no_code_of_words_and_keeps_nothing(script: Path) -> None:
    assert not re.search(NEVER, script.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_a_script_calls_nobody_but_us_and_follows_nobody(script: Path) -> None:
    text = script.read_text()
    assert not re.search(r"https?:(?!//www\.w3\.org/)|[\"'`]//", text)
    assert text.count("fetch(") == text.count('redirect: "error"')


@pytest.mark.parametrize("style", STYLES, ids=lambda p: p.name)
def test_a_style_loads_nothing_from_elsewhere(style: Path) -> None:
    assert not re.search(r"@import|https?:|url\(\s*[\"']?//|expression\(", style.read_text())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: p.name)
def test_a_page_escapes_every_word_and_runs_nothing_of_its_own(template: Path) -> None:
    text = template.read_text()
    # What stands in quotes before it is written by us.
    assert not re.search(r"(?<![\"'])\s*\|\s*safe\b|autoescape\s+false|Markup\(", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|srcdoc|<iframe|<base\b", text)
    assert text.count('target="_blank"') == len(re.findall(r'rel="[^"]*noreferrer[^"]*" target="_blank"', text))


def test_words_are_escaped_unless_they_say_otherwise(app: Flask) -> None:
    assert app.jinja_env.is_async is False
    assert app.jinja_env.from_string("{{ word }}").render(word="<b>") == "&lt;b&gt;"
