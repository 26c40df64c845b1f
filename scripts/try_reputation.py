"""How well reputation finds those who help: on the sandbox's story, and on real threads where there are some.

    python scripts/try_reputation.py [--data ../shared/data]

The story plants experts (who answer) and impostors (who are rude and applaud each other); precision at 5 and 10 is the
share of experts among the first of the list. The real sets say less: incivility names no authors, so that every comment
has one of its own and nobody may be proposed; the played chats of cyberado say who was cast as a bully, so that what is
counted is how many of those the list puts first. A set that is absent is passed over. Writes only into a folder that
it makes and removes.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from convert_threads import SETS, Figures, read_rows  # noqa: E402  (it lies beside this file)

from moderation.model import AuthorRole, AuthorSeen, CommunitySeen, MessageSeen, ThreadSeen  # noqa: E402
from moderation.scoring.contract import Text  # noqa: E402
from service.app import create_app  # noqa: E402
from service.config import load_settings  # noqa: E402
from service.db import trust  # noqa: E402
from service.db.incoming import Incoming  # noqa: E402
from service.db.intake import settle  # noqa: E402
from service.db.models import Connection, Thread  # noqa: E402
from service.deps import Deps, deps_of  # noqa: E402
from service.sandbox.story import Conversation, Story  # noqa: E402
from service.sandbox.writer import build_story  # noqa: E402
from service.usecases import reputation  # noqa: E402
from service.usecases.connections import connect  # noqa: E402
from service.usecases.importing import import_file  # noqa: E402
from service.usecases.reputation import Candidate, Found  # noqa: E402
from service.usecases.storage import ready_schema  # noqa: E402

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_ROLES = {"brand": AuthorRole.BRAND, "staff": AuthorRole.STAFF}


@dataclass(frozen=True, slots=True)
class Tried:
    """`right` of the first `count` of a list that rests on so many `authors`, of whom `wanted` were to be found."""

    name: str
    right: int
    count: int
    wanted: int
    authors: int

    def __str__(self) -> str:
        share = f"{self.right / self.count:.2f}" if self.count else "-"
        return f"{self.name}: {share} ({self.right} of {self.count}; {self.wanted} planted, {self.authors} authors)"


@contextmanager
def desk(now: datetime) -> Iterator[Deps]:
    """A service with its tables in a folder of its own, at a time that stands still."""
    with tempfile.TemporaryDirectory(prefix="tenth-reputation-") as folder:
        app = create_app(load_settings(data_dir=Path(folder)), web=False)
        ready_schema(app)
        deps = replace(deps_of(app), now=lambda: now)
        yield deps
        deps.store.engine.dispose()


def take_in(deps: Deps, story: Story) -> None:
    """Writes a story as reading the two platforms would have, and makes everybody's standing."""
    for where, kind in (("forum", "discourse"), ("fediverse", "mastodon")):
        with deps.store.write() as session:
            row = Connection(name=where, connector=kind, settings={}, created_at=deps.now(), state="ok")
            session.add(row)
            session.flush()
            incoming = Incoming(row.id, deps.now())
            for conversation in story.conversations:
                if conversation.where == where:
                    for event in _events(story, conversation):
                        incoming.add_seen(event)
            texts = [Text(e.text, e.language) for e in incoming.seen.values()]
            incoming.scores |= dict(zip(incoming.seen, deps.scorer.score(texts), strict=True))
            settle(session, incoming)
            trust.touch(session, list(session.scalars(Thread.__table__.select().with_only_columns(Thread.id))))
    reputation.sum_up_all(deps)


def _events(story: Story, conversation: Conversation) -> Iterator[MessageSeen]:
    names = {c.slug: c.name for c in story.categories}
    community = CommunitySeen(conversation.category or "brava", names.get(conversation.category, "@brava"))
    accepted = [f"{conversation.key}-{n}" for n, line in enumerate(conversation.lines) if line.accepted_answer]
    answer = accepted[0] if accepted else None
    title = conversation.title or " ".join(f"#{tag}" for tag in conversation.hashtags)
    thread = ThreadSeen(conversation.key, community, title=title, accepted_answer=answer)
    members = {m.username: m for m in story.members}
    for number, line in enumerate(conversation.lines):
        member = members.get(line.username)
        role = _ROLES.get(member.role if member else "customer", AuthorRole.CUSTOMER)
        yield MessageSeen(
            f"{conversation.key}-{number}",
            thread,
            AuthorSeen(line.username, line.username, member.name if member else "", role),
            line.text,
            line.at,
            in_reply_to=None if line.reply_to is None else f"{conversation.key}-{line.reply_to}",
            language=line.language,
            likes=line.likes,
        )


def on_story(seed: int = 10) -> list[Tried]:
    """Precision at 5 and 10 among everybody, and where the impostors came to stand."""
    story = build_story(NOW, seed)
    experts = {m.username for m in story.members if m.role == "expert"}
    with desk(NOW) as deps:
        take_in(deps, story)
        found = reputation.rockstars(deps, shown=60)
    return [_first(f"sandbox, seed {seed}, first {n}", found, n, experts) for n in (5, 10)]


def _first(name: str, found: Found, count: int, wanted: Iterable[str]) -> Tried:
    """Experts often have an account on both platforms, which nothing links here: a name counts once."""
    names = list(dict.fromkeys(c.account.handle for c in found.candidates))[:count]
    right = sum(name in set(wanted) for name in names)
    return Tried(name, right, len(names), len(set(wanted)), found.authors)


def on_incivility(data: Path) -> Tried | None:
    """Of authors who wrote once, none may be proposed: right are those who are not."""
    path = data / "threads_en_incivility.train.csv.gz"
    if not path.exists():
        return None
    found = _imported("incivility", path)
    proposed = len(found.candidates)
    return Tried("incivility, not proposed", found.authors - proposed, found.authors, 0, found.authors)


def on_cyberado(data: Path, count: int = 10) -> Tried | None:
    """Of the first so many that have a standing at all, those who were not cast as a bully or a bully's friend."""
    path = data / "threads_fr_cyberado.train.csv.gz"
    if not path.exists():
        return None
    cast = {row["author"]: row["role"] for row in read_rows(path)}
    found = _imported("cyberado", path)
    first: list[Candidate] = sorted((*found.candidates, *found.others), key=lambda c: -c.reputation.score)[:count]
    kind = sum(not cast[c.account.handle].startswith("bully") for c in first)
    others = sum(not role.startswith("bully") for role in cast.values())
    return Tried(f"cyberado, no bully among the first {count}", kind, len(first), others, found.authors)


def _imported(name: str, path: Path) -> Found:
    lines = [json.dumps(message) for message in SETS[name](read_rows(path), Figures())]
    newest = max(datetime.fromisoformat(json.loads(line)["created_at"]) for line in lines)
    with desk(newest + timedelta(hours=1)) as deps:
        connect(deps, "archive", name, {}, "trial")
        import_file(deps, name, io.BytesIO("\n".join(lines).encode()), lambda *_: None, lambda *_: None)
        with deps.store.write() as session:
            trust.touch(session, [row[0] for row in session.execute(Thread.__table__.select())])
        reputation.sum_up_all(deps)
        return reputation.rockstars(deps, shown=60)


def main() -> None:
    """Prints a line for each trial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=3, help="Stories to try.")
    given = parser.parse_args()
    for seed in range(10, 10 + given.seeds):
        for tried in on_story(seed):
            print(tried)
    trials: tuple[Callable[[Path], Tried | None], ...] = (on_incivility, on_cyberado)
    for trial in trials:
        found = trial(given.data)
        print(found or f"{trial.__name__}: the set is absent")


if __name__ == "__main__":
    main()
