"""HTML to text: hostile input is harmless, and ordinary posts keep their words and lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.mastodon.text import first_words, from_html, plain

_PIECES = [
    "<",
    ">",
    "</",
    "<p>",
    "</p>",
    "<br/>",
    "<script>",
    "</script>",
    "<![",
    "<!--",
    "&lt;",
    "&#0;",
    '"',
    "a",
    " ",
    "\x00",
]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<br>two</p><p>three</p>", "one\ntwo\n\nthree"),
        ('<p><span class="h-card"><a href="https://x">@<span>ines</span></a></span> bonjour</p>', "@ines bonjour"),
        ('<a href="#"><span class="invisible">https://</span><span>a.example/b</span></a>', "https://a.example/b"),
        ("<p>5 &lt; 6 &amp;&amp; &quot;ok&quot; it&#39;s</p>", '5 < 6 && "ok" it\'s'),
        ("<p>a</p><script>alert(1)</script><style>p{}</style><p>b</p>", "a\n\nb"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("plain\u00a0text", "plain text"),
        ("", ""),
        (None, ""),
        (17, ""),
    ],
)
def test_posts_become_text(html: object, text: str) -> None:
    assert from_html(html) == text


@given(st.text() | st.lists(st.sampled_from(_PIECES), max_size=30).map("".join))
def test_nothing_makes_it_fail_and_no_markup_comes_out(html: str) -> None:
    text = from_html(html)
    assert "\x00" not in text
    text.encode("utf-8")
    if "&" not in html:
        assert "<script" not in text.lower()
        assert "<p>" not in text


@given(st.text())
def test_text_that_was_escaped_comes_back_word_for_word(words: str) -> None:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert from_html(f"<p>{escaped}</p>").split() == plain(words).split()


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", "\x1b[2J"])
def test_plain_text_can_always_be_stored(value: str) -> None:
    assert not {"\x00", "\x1b"} & set(plain(value))
    plain(value).encode("utf-8")


@given(st.text())
def test_titles_are_one_short_line(text: str) -> None:
    title = first_words(text)
    assert len(title) <= 80
    assert "\n" not in title
