"""The two versions of Lemmy's API as one: v3 of 0.19, and v4 of 1.0. Which one a server has is found out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugins.contract import CredentialsRefused, Gone
from plugins.lemmy.client import Client, Json, unknown_form
from plugins.lemmy.shape import COMMENT, POST, REPORTS, Me, host_of, part

READ = "read the server"
REPORTS_RIGHT = "read reports (the account moderates a community)"
#: Rows asked for at once: the most that 0.19 gives.
ROWS = 50


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of a list, and where the next one begins ("": there is none)."""

    views: tuple[Json, ...]
    next: str


class Lemmy:
    """What a session asks of its server. Every method may raise ConnectorError."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._site: Json | None = None
        self._v4 = False
        self._me: Me | None = None

    @property
    def v4(self) -> bool:
        self.site()
        return self._v4

    def site(self) -> Json:
        """The server on itself. One that has no v4 says that it does not know the address."""
        if self._site is None:
            try:
                self._site = self.client.get("/api/v4/site", READ)
                self._v4 = True
            except Gone:
                self._site = self.client.get("/api/v3/site", READ)
        return self._site

    def me(self) -> Me:
        """The token's account. 0.19 treats a token that it does not know as nobody's, so this comes before all else."""
        if self._me is None:
            found = self.client.get("/api/v4/account", READ) if self.v4 else self.site().get("my_user")
            if not isinstance(found, dict):
                raise CredentialsRefused("The server does not accept the login token.")
            self._me = _me(found)
        return self._me

    # reading

    def posts(self, community: str, page: str) -> Rows:
        asked = self._sorted("New") | {"community_name": community}
        return self._rows(f"{POST}/list", "posts", asked, page)

    def comments(self, community: str, page: str) -> Rows:
        asked = self._sorted("New") | {"community_name": community}
        return self._rows(f"{COMMENT}/list", "comments", asked, page)

    def comments_of(self, post_id: str, page: str, order: str = "Old") -> Rows:
        asked = self._sorted(order) | {"post_id": post_id}
        return self._rows(f"{COMMENT}/list", "comments", asked, page)

    def reports(self, kind: str, page: str) -> Rows:
        """Newest first, closed ones too. v4 has one list for every kind."""
        if self.v4:
            asked = {"unresolved_only": "false", "type_": "posts" if kind == REPORTS[0] else "comments"}
            return self._rows("report/list", "", asked, page, REPORTS_RIGHT)
        path = f"{kind.partition('-')[0]}/report/list"
        return self._rows(path, f"{kind.replace('-', '_')}s", {"unresolved_only": "false"}, page, REPORTS_RIGHT)

    def post(self, post_id: str) -> Json:
        return _inner(self.get(POST, id=post_id), "post_view")

    def comment(self, comment_id: str) -> Json:
        return _inner(self.get(COMMENT, id=comment_id), "comment_view")

    def view(self, kind: str, number: str) -> Json:
        return self.post(number) if kind == POST else self.comment(number)

    def community(self, **asked: str) -> Json:
        """With its `moderators`, the earliest appointed first."""
        return self.get("community", **asked)

    def person(self, person_id: str) -> Json:
        found = self.get("person" if self.v4 else "user", person_id=person_id)
        return _inner(found, "person_view")

    def get(self, path: str, **params: str) -> Json:
        return self.client.get(self.path(path), READ, params)

    # writing

    def write(self, method: str, path: str, right: str, body: Mapping[str, Any]) -> Json:
        return self.client.write(method, self.path(path), right, body)

    def path(self, path: str) -> str:
        return f"/api/{'v4' if self.v4 else 'v3'}/{path}"

    # pages

    def word(self, name: str) -> str:
        """v4 writes what can be chosen in small letters."""
        return name.lower() if self.v4 else name

    def _sorted(self, order: str) -> dict[str, str]:
        return {"sort": self.word(order), "type_": self.word("All")}

    def _rows(self, path: str, name: str, asked: Mapping[str, str], page: str, right: str = READ) -> Rows:
        """`page` is a number in v3, where a page that is not full is the last, and the server's own word in v4."""
        given = dict(asked) | {"limit": str(ROWS)}
        if self.v4:
            answer = self.client.get(self.path(path), right, given | ({"page_cursor": page} if page else {}))
            onward = answer.get("next_page")
            return Rows(_views(answer.get("items"), path), onward if isinstance(onward, str) else "")
        number = int(page) if page.isascii() and page.isdecimal() else 1
        answer = self.client.get(self.path(path), right, given | {"page": str(number)})
        views = _views(answer.get(name), path)
        return Rows(views, str(number + 1) if len(views) >= ROWS else "")


def _me(found: Json) -> Me:
    view = part(found, "local_user_view")
    person, user = part(view, "person"), part(view, "local_user")
    number, name = person.get("id"), person.get("name")
    if not isinstance(number, int) or not isinstance(name, str):
        raise unknown_form("local_user_view.person has no id or name")
    moderates = (part(one, "community").get("id") for one in found.get("moderates") or () if isinstance(one, dict))
    held = frozenset(one for one in moderates if isinstance(one, int))
    return Me(number, name, host_of(person), user.get("admin") is True, held)


def _inner(answer: Json, name: str) -> Json:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise unknown_form(f"{name} is missing")
    return found


def _views(found: object, path: str) -> tuple[Json, ...]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise unknown_form(f"{path} is not a list of objects")
    return tuple(found)
