"""What the desk shows, and what text from outside cannot do to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from moderation.words import Spoken
from service.db.models import Community
from service.deps import Deps
from service.web import text
from tests.web.desk import Said, Seeder
from tests.web.scene import busy

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>"
HOSTILE_URLS = [
    "javascript:alert(1)",
    "data:text/html,x",
    "https:",
    "//evil.example",
    "java\nscript:alert(1)",
    "http://[x",
]


@pytest.fixture
def client(as_role: Callable[[str], FlaskClient]) -> FlaskClient:
    return as_role("owner")


def test_no_field_from_outside_becomes_markup(client: FlaskClient, seed: Seeder) -> None:
    connection = seed.connection(EVIL, error=EVIL, state="failing", account=EVIL, server=EVIL, error_code=EVIL)
    reasons = [["urgent", "alert(1)", 0.9], [EVIL, EVIL, 0.8]]
    said = Said(EVIL, EVIL, EVIL, content_warning=EVIL, language=EVIL[:20], reasons=reasons, url="javascript:alert(1)")
    community = seed.community(connection, EVIL)
    thread = seed.thread(community, [said, Said(EVIL, EVIL, EVIL, to=0)], title=EVIL, url="javascript:alert(1)")
    filtered = f"/queue?community={community}&lang=fr"
    for address in ("/queue", f"/threads/{thread}", "/connections", "/about/reading", filtered):
        page = client.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert "javascript:" not in page.text
        assert str(escape("<b>"))[:4] in page.text


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_only_plain_web_addresses_become_links(url: str) -> None:
    assert text.safe_url(url) == text.host(url) == ""


def test_a_link_to_the_original_tells_nothing_and_gives_nothing(client: FlaskClient, seed: Seeder) -> None:
    thread = seed.thread(seed.community(seed.connection()), [Said("x")], url="https://user@mstdn.example/1")
    page = client.get(f"/threads/{thread}").text
    assert 'rel="noopener noreferrer nofollow"' in page
    assert "Open on mstdn.example" in page


def test_direction_switches_stay_inside_their_own_box() -> None:
    assert text.plain("abc\u202eevil\u2066\n\x07x") == "abcevil x"
    assert text.initials("\u202e  ") == "?"
    assert text.language_tag('fr" onload="x') == text.language_tag("und") == ""


def test_quotes_of_reasons_are_underlined_where_they_literally_stand() -> None:
    reasons = [Spoken("Safety: “too <hot>”", "rule"), Spoken("Plaide contre : « calm »", "calm", against=True)]
    marked = text.marked("It was TOO  <hot> & calm", reasons)
    assert marked == "It was <mark>TOO  &lt;hot&gt;</mark> &amp; calm"
    assert text.marked("<i>", []) == "&lt;i&gt;"


def test_the_page_says_where_the_line_is_and_why(client: FlaskClient, seed: Seeder) -> None:
    hot = busy(seed)
    page = client.get("/queue").text
    assert "Needs us <b>5</b>" in page
    assert "A tenth of the 412 threads active in 28 days is 42 places:" in page
    assert "14 free" in page
    assert "1 more came by a rule and is counted apart." in page
    order = ["Duetto keeps heating", "Steam hose", "Above: needs us", "Best water"]
    assert sorted(order, key=page.index) == order
    assert "Lemmy · c/espresso is not read right now" in page
    thread = client.get(f"/threads/{hot}").text
    assert "<mark>too hot to touch</mark>" in thread
    assert "5 of at least 12 replies known" in thread
    assert "Speaks against: a member who knows has answered" in thread
    assert "Removed by its author or by moderators" in thread
    assert "Content warning:" in thread
    assert "edited (2 versions)" in re.sub(r"\s+", " ", thread.replace("edited</span>", "edited"))
    assert "embedded@1" in thread


def test_a_total_that_nobody_knows_is_said_to_be_unknown(client: FlaskClient, seed: Seeder) -> None:
    community = seed.community(seed.connection())
    unknown = seed.thread(community, [Said("a"), Said("b")], total_replies=None)
    whole = seed.thread(community, [Said("a"), Said("b"), Said("c")], total_replies=2)
    assert "1 reply known; the platform does not say how many there are" in client.get(f"/threads/{unknown}").text
    assert "All 2 replies that the platform counts are known" in client.get(f"/threads/{whole}").text


def test_the_filter_and_the_parts_are_addresses(client: FlaskClient, seed: Seeder) -> None:
    connection = seed.connection()
    one, two = seed.community(connection, "One"), seed.community(connection, "Two")
    seed.thread(one, [Said("a")], title="In the first")
    seed.thread(two, [Said("b")], title="In the second")
    page = client.get(f"/queue?community={one}").text
    assert "In the first" in page
    assert "In the second" not in page
    assert client.get("/queue?community=4711").status_code == client.get("/queue?lane=x").status_code == 404
    assert client.get("/threads/4711").status_code == client.get("/queue?thread=4711").status_code == 404
    assert client.get("/queue?after=nonsense").status_code == 400


def test_pages_follow_one_another_without_gap(client: FlaskClient, seed: Seeder) -> None:
    community = seed.community(seed.connection())
    for number in range(60):
        seed.thread(community, [Said("a")], title=f"Nr {number:02}", case={"priority": round(0.99 - number / 100, 2)})
    first = client.get("/queue").text
    more = re.search(r'href="(/queue\?after=[^"]+)"', first)
    assert more
    second = client.get(more.group(1)).text
    titles = [t for page in (first, second) for t in re.findall(r'dir="auto" lang="en">(Nr \d\d)</a>', page)]
    assert titles == [f"Nr {n:02}" for n in range(60)]
    assert "Above: needs us" not in first
    assert "Above: needs us" in second


def test_an_empty_queue_is_good_news_only_when_everything_is_read(client: FlaskClient, seed: Seeder) -> None:
    assert "Connect a first community" in client.get("/queue").text
    community = seed.community(seed.connection(message_at=seed.now))
    seed.thread(community, [Said("a")], case={"lane": "left", "open": False, "state": "left"})
    assert "Nothing above the line." in client.get("/queue").text
    assert "The one connection is read." in client.get("/queue").text
    seed.connection("Broken", state="cut_off", error="No.")
    page = client.get("/queue").text
    assert "But 1 connection is not read right now." in page
    assert "is read." not in page


def test_news_are_cheap_and_only_asked_once(client: FlaskClient, seed: Seeder) -> None:
    since = int(seed.now.timestamp()) - 10
    seed.thread(seed.community(seed.connection()), [Said("a")])
    news = client.get(f"/queue/news?since={since}")
    assert news.get_json() == {"new": 1, "words": "1 new · show"}
    again = client.get(f"/queue/news?since={since}", headers={"If-None-Match": news.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(f"/queue/news?since={since + 3600}").get_json()["new"] == 0
    assert [client.get(f"/queue/news?since={bad}").status_code for bad in ("", "x", "9" * 30)] == [400] * 3


def test_the_public_page_names_no_restricted_community(app_client: FlaskClient, seed: Seeder, deps: Deps) -> None:
    connection = seed.connection(account="@secret-account", settings={"token": "no"})
    seed.community(connection, "Open talk")
    seed.community(connection, "Staff only", restricted=True)
    for address in ("/about/reading", "/about/reading?lang=fr"):
        page = app_client.get(address).text
        assert "Open talk" in page
        assert "Staff only" not in page
        assert "@secret-account" not in page
        assert "#nobot" in page


@pytest.fixture
def app_client(app: object) -> FlaskClient:
    """Somebody who is not signed in."""
    client: FlaskClient = app.test_client()  # type: ignore[attr-defined]
    return client


def test_a_budget_that_is_overdrawn_says_why(client: FlaskClient, seed: Seeder, deps: Deps) -> None:
    community = seed.community(seed.connection())
    seed.thread(community, [Said("a")])
    figures = {"threads": 20, "budget": 2, "surfaced": 3, "decided": 1, "always": 0, "left": 16, "cut": 0.5}
    with deps.store.write() as session:
        kept = {"as_of": (seed.now - timedelta(minutes=5)).isoformat(), **figures}
        session.query(Community).update({"summary": kept})
    assert "2 over, because people hold them" in client.get("/queue").text
