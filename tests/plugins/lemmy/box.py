"""A sandbox spoken to as a Lemmy server, by its own API and with everybody's own tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from moderation.model import Capability
from service.sandbox.forum import Post
from service.sandbox.options import LEMMY_PASSWORD
from tests.sandbox_server import Running

HELP, ENTRAIDE, STAFF = 5, 6, 7
_numbers = count(1)


@dataclass
class Box:
    sandbox: Running
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.sandbox.url}/lemmy"

    # as somebody, in v3

    def ask(self, method: str, path: str, username: str = "", **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(username)}"} if username else {}
        content: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        return self.sandbox.client.request(method, f"/lemmy/api/v3/{path}", headers=headers, **content)

    def token(self, username: str) -> str:
        if username not in self.tokens:
            given = {"username_or_email": username, "password": LEMMY_PASSWORD}
            answer = self.sandbox.client.post("/lemmy/api/v3/user/login", json=given)
            self.tokens[username] = answer.raise_for_status().json()["jwt"]
        return self.tokens[username]

    def comment(self, username: str, target: str, text: str = "") -> str:
        kind, number = split(target)
        above = self.message(target)
        body: dict[str, Any] = {"post_id": above.topic_id, "content": text or f"Mine did not start ({next(_numbers)})."}
        if kind == "comment":
            body["parent_id"] = number
        answer = self.ask("POST", "comment", username, **body).raise_for_status().json()
        return f"comment-{answer['comment_view']['comment']['id']}"

    def report(self, username: str, target: str, reason: str = "This is an advertisement.") -> str:
        kind, number = split(target)
        answer = self.ask("POST", f"{kind}/report", username, **{f"{kind}_id": number, "reason": reason})
        return f"{kind}-report-{answer.raise_for_status().json()[f'{kind}_report_view'][f'{kind}_report']['id']}"

    def remove(self, target: str, username: str = "brava", *, removed: bool = True) -> httpx.Response:
        kind, number = split(target)
        return self.ask("POST", f"{kind}/remove", username, **{f"{kind}_id": number, "removed": removed, "reason": "r"})

    def lock(self, target: str, locked: bool = True, username: str = "brava") -> httpx.Response:
        return self.ask("POST", "post/lock", username, post_id=split(target)[1], locked=locked)

    def appoint(self, username: str, community: int, *, added: bool = True, by: str = "brava") -> httpx.Response:
        body = {"community_id": community, "person_id": self.person(username), "added": added}
        return self.ask("POST", "community/mod", by, **body)

    def sentence(self, username: str, kind: Capability) -> None:
        """The state that an act on a person ends is there before it."""
        body: dict[str, Any] = {"person_id": self.person(username), "ban": True, "reason": "r"}
        if kind == Capability.UNSILENCE:
            self.ask("POST", "community/ban_user", "brava", community_id=HELP, **body).raise_for_status()
        if kind == Capability.UNSUSPEND:
            self.ask("POST", "user/ban", "brava", **body).raise_for_status()

    # the forum's memory

    def post(self, username: str, category: int = HELP, title: str = "", text: str = "") -> str:
        number = next(_numbers)
        made = self.sandbox.control(
            "POST",
            "/posts",
            username=username,
            text=text or f"My grinder number {number} does not start any more.",
            title=title or f"Grinder number {number}",
            category_id=category,
        )
        return f"post-{made['topic_id']}"

    def person(self, username: str) -> int:
        with self.sandbox.world.lock:
            return self.sandbox.world.forum.user(username).id

    def message(self, target: str) -> Post:
        kind, number = split(target)
        forum = self.sandbox.world.forum
        with self.sandbox.world.lock:
            return forum.posts[number if kind == "comment" else forum.topics[number].post_ids[0]]


def split(target: str) -> tuple[str, int]:
    kind, _, number = target.partition("-")
    return kind, int(number)
