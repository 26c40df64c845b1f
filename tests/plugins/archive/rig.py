"""The archive in the contract suite."""

from __future__ import annotations

import io
import json

from plugins.archive import ArchiveSettings, connector
from plugins.contract import Delivery
from tests.contract.rig import Rig

PRIVATE = "between you and me"
_LINES = [
    {"thread": "t", "id": 1, "author": "ann", "created_at": "2024-05-01T12:00:00Z", "text": "Lost.", "title": "Parcel"},
    {"thread": "t", "id": 2, "author": "bob", "created_at": "2024-05-01T12:09:00Z", "text": "Ici aussi.", "lang": "fr",
     "in_reply_to": 1, "role": "member", "url": "https://x.example/2", "likes": 3, "community": "help", "category": "c",
     "edited_at": "2024-05-01T13:00:00+02:00", "content_warning": "sad"},
]  # fmt: skip
JSONL = b"".join(json.dumps(line).encode() + b"\n" for line in _LINES)


def _note(number: int, text: str, to: str) -> dict[str, object]:
    made = {
        "type": "Note",
        "id": f"https://social.example/{number}",
        "attributedTo": "https://social.example/users/brand",
        "published": "2024-05-01T12:00:00Z",
        "content": f"<p>{text}</p>",
        "to": [to],
    }
    return {"type": "Create", "object": made}


OUTBOX = json.dumps(
    {
        "@context": "https://www.w3.org/ns/activitystreams",
        "type": "OrderedCollection",
        "orderedItems": [_note(1, "Hello", "as:Public"), _note(2, PRIVATE, "https://social.example/users/ann")],
    }
).encode()


def _deliveries() -> list[Delivery]:
    found = [one for raw in (JSONL, OUTBOX) for one in connector.read(io.BytesIO(raw))]
    return [one for one in found if isinstance(one, Delivery) and one.admitted]


def rig() -> Rig:
    return Rig(settings=ArchiveSettings(), deliveries=_deliveries, files=((JSONL, ()), (OUTBOX, (PRIVATE,))))
