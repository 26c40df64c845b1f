"""Messages to try things on: what the sandbox community writes, other words for each seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from service.sandbox.story import Conversation, Line, Story
from service.sandbox.writer import build_story


def texts(seed: int, now: datetime) -> list[str]:
    """About three thousand messages' texts, English and French."""
    return [line.text for conversation in build_story(now, seed).conversations for line in conversation.lines]


def archive_lines(messages: int, seed: int, now: datetime) -> Iterator[str]:
    """An archive of whole conversations, one line of JSON for each message, no text twice, up to `messages` of them."""
    said: set[str] = set()
    left = messages
    for part in count():
        story = build_story(now - timedelta(minutes=part), seed + part)
        roles = {m.username: m.role for m in story.members if m.role in ("brand", "staff")}
        for conversation in story.conversations:
            for number, line in enumerate(conversation.lines):
                if not left:
                    return
                left -= 1
                yield json.dumps(_line(story, conversation, line, number, f"{part}-", roles, said), ensure_ascii=False)


def _line(
    story: Story,
    conversation: Conversation,
    line: Line,
    number: int,
    part: str,
    roles: Mapping[str, str],
    said: set[str],
) -> dict[str, str | int]:
    thread = part + conversation.key
    text = line.text if line.text not in said else f"{line.text} ({thread}, {number})"
    said.add(text)
    found: dict[str, str | int] = {
        "thread": thread,
        "id": f"{thread}-{number}",
        "author": line.username,
        "created_at": line.at.isoformat(),
        "text": text,
        "title": conversation.title,
        "category": conversation.category or story.brand,
        "lang": line.language,
        "likes": line.likes,
        "role": roles.get(line.username, ""),
        "content_warning": line.content_warning,
    }
    if line.reply_to is not None:
        found["in_reply_to"] = f"{thread}-{line.reply_to}"
    return {name: value for name, value in found.items() if value != ""}


def write_archive(path: Path, messages: int, seed: int, now: datetime) -> int:
    """Writes an archive file and returns its number of lines."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for line in archive_lines(messages, seed, now):
            file.write(line + "\n")
            written += 1
    return written
