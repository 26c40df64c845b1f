"""The preview of a forum's post: what is hostile in it first, then how it looks."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.web.markdown import rendered

ALLOWED = {"href", "rel", "target", "dir", "start", "class"}
PIECES = [
    *("<script>", "[x](", ")", "javascript:alert(1)", "![", "](https://x.y/z.png)", "`", "* ", "> ", "#"),
    "<img src=x ",
    *("onerror=alert(1)>", "https://bramble.example/", "\n", "\n\n", "| a | b |\n|---|---|\n| c |", "&lt;", "/"),
    "\x00",
]


class Reader(HTMLParser):
    """Every tag, and every attribute with its value."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.given: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.given += [(name, value or "") for name, value in attrs]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=12))
def test_whatever_is_typed_loads_and_runs_nothing(pieces: list[str]) -> None:
    reader = Reader()
    reader.feed(rendered("".join(pieces)))
    assert not set(reader.tags) & {"script", "img", "iframe", "style", "form", "input", "svg", "object", "h1", "h2"}
    assert {name for name, _value in reader.given} <= ALLOWED
    assert all(
        value.lower().startswith(("http:", "https:", "mailto:")) for name, value in reader.given if name == "href"
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**Sorry** about _that_", "<p><strong>Sorry</strong> about <em>that</em></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>'),
        ("## First", '<p class="heading">First</p>'),
        ("> it burns", "<blockquote>\n<p>it burns</p>\n</blockquote>"),
        ("![a cup](https://bramble.example/cup.png)", '<p><span class="meta">[a cup]</span></p>'),
        ("<b>so</b>", "<p>&lt;b&gt;so&lt;/b&gt;</p>"),
        ("~~no~~", "<p><s>no</s></p>"),
        ("[go](javascript:alert(1))", "<p>[go](javascript:alert(1))</p>"),
    ],
)
def test_it_looks_as_on_a_forum(text: str, html: str) -> None:
    assert rendered(text).strip() == html


@pytest.mark.parametrize("text", ["https://bramble.example/a", "[here](https://bramble.example/a)"])
def test_links_are_links_that_vouch_for_nobody(text: str) -> None:
    shown = rendered(text)
    assert 'href="https://bramble.example/a"' in shown
    assert 'rel="nofollow noopener noreferrer"' in shown
