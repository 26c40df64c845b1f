"""Where reading a server stands, as the JSON text that is stored between polls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from plugins.contract import Permanent

FORM = 1
#: Messages whose disappearance is noticed, over all lanes: the newest ones.
KNOWN = 3_000
#: Messages that are remembered as gone, as found again, and as our own.
REMEMBERED = 500


@dataclass(slots=True)
class Lane:
    """One list of the server: the posts or comments of a community, or reports.

    `page` is where a walk from the newest down stands; `settled` says that the past was read once, so that a walk ends
    at the first page without anything new. `back` is where the next look further down begins.
    `known` are the ids that were shown, with when they were written, in milliseconds since the epoch.
    """

    page: str = ""
    settled: bool = False
    back: str = ""
    known: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Cursor:
    """One turn of reading walks each lane, then looks back in one of them; each poll reads one page.

    `reader` is the account and version of the API that the pages' names belong to.
    """

    reader: str = ""
    at: int = 0
    turn: int = 0
    lanes: dict[str, Lane] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    found_again: dict[str, str] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, text: str) -> Cursor:
        try:
            return _from_json(json.loads(text)) if text else cls()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            words = "The stored reading position of this server is damaged; reset it to read again."
            raise Permanent(words) from error

    def dump(self) -> str:
        most = KNOWN // max(len(self.lanes), 1)
        found = asdict(self) | {"form": FORM}
        for name, lane in self.lanes.items():
            found["lanes"][name]["known"] = _packed(lane.known, most)
        found["gone"] = self.gone[-REMEMBERED:]
        found["ours"] = self.ours[-REMEMBERED:]
        found["found_again"] = dict(list(self.found_again.items())[-REMEMBERED:])
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def read_by(self, reader: str, lanes: Iterable[str]) -> None:
        """Forgets pages that another account or version named, and lanes that are not wanted any more."""
        if reader != self.reader:
            for lane in self.lanes.values():
                lane.page = lane.back = ""
            self.reader, self.ours = reader, []
        self.lanes = {name: self.lanes.get(name) or Lane() for name in lanes}
        self.at = min(self.at, len(self.lanes))

    def lost(self, subject: str) -> str:
        """Notes that something is gone. When it was found again before that, or ""."""
        if subject not in self.gone:
            self.gone.append(subject)
        return self.found_again.get(subject, "")

    def there(self, subject: str, now: datetime) -> str:
        """Notes that something is shown. When it was found again, or "" if it was never gone."""
        if subject in self.gone:
            self.gone.remove(subject)
            self.found_again.pop(subject, None)
            self.found_again[subject] = now.isoformat()
        return self.found_again.get(subject, "")

    def wrote(self, comment_id: str) -> None:
        if comment_id not in self.ours:
            self.ours.append(comment_id)


def _from_json(found: dict[str, Any]) -> Cursor:
    if found.pop("form") != FORM:
        raise ValueError("another form")
    lanes = {str(name): Lane(**one | {"known": _unpacked(one["known"])}) for name, one in found.pop("lanes").items()}
    return Cursor(lanes=lanes, **found)


def _packed(known: dict[str, int], most: int) -> list[list[int]]:
    """The newest, as id and time, each as the difference from the one before: short where both are long."""
    kept = sorted(((at, int(one)) for one, at in known.items()))[-most:]
    before = [(0, 0), *kept]
    return [[number - i, at - t] for (at, number), (t, i) in zip(kept, before, strict=False)]


def _unpacked(rows: list[list[int]]) -> dict[str, int]:
    known, number, at = {}, 0, 0
    for step, later in rows:
        number, at = number + step, at + later
        known[str(number)] = at
    return known
