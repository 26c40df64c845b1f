"""The fediverse server's memory: accounts, statuses, notifications, reports, with the server's own rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from service.sandbox.ids import HASHTAG, MENTION, UlidMint
from service.sandbox.media import Shelf
from service.sandbox.options import Options
from service.sandbox.refusal import Refusal

VISIBILITIES = ("public", "unlisted", "private", "direct")
UNKNOWN_STATUS = "Record not found"


@dataclass(slots=True)
class Account:
    id: str
    username: str
    name: str
    created_at: datetime
    note: str = ""
    staff: bool = False
    indexable: bool = True
    limited: bool = False  # what it says to others is held back from their notifications
    state: str = "none"  # none, sensitive, disable, silence, suspend
    following: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Version:
    text: str
    spoiler: str
    at: datetime
    media: tuple[str, ...] = ()


@dataclass(slots=True)
class Status:
    id: str
    account_id: str
    created_at: datetime
    versions: list[Version]
    visibility: str = "public"
    in_reply_to: str | None = None
    in_reply_to_account: str | None = None
    language: str = "en"
    sensitive: bool = False
    seeded_favourites: int = 0
    favourited_by: set[str] = field(default_factory=set)
    reblogged_by: set[str] = field(default_factory=set)
    mentions: list[str] = field(default_factory=list)
    unknown: bool = False  # it exists elsewhere: counted by its parent, but this server cannot show it

    @property
    def text(self) -> str:
        return self.versions[-1].text

    @property
    def spoiler(self) -> str:
        return self.versions[-1].spoiler

    @property
    def edited_at(self) -> datetime | None:
        return self.versions[-1].at if len(self.versions) > 1 else None

    @property
    def tags(self) -> list[str]:
        return list(dict.fromkeys(tag.lower() for tag in HASHTAG.findall(self.text)))


@dataclass(frozen=True, slots=True)
class Wish:
    """A status somebody wants to post."""

    account_id: str
    text: str
    visibility: str = "public"
    in_reply_to: str | None = None
    spoiler: str = ""
    language: str = "en"
    sensitive: bool = False
    media: tuple[str, ...] = ()
    at: datetime | None = None
    favourites: int = 0


@dataclass(frozen=True, slots=True)
class Notification:
    id: str
    type: str
    created_at: datetime
    owner_id: str
    account_id: str
    status_id: str | None = None
    report_id: str | None = None
    filtered: bool = False


@dataclass(slots=True)
class Report:
    id: str
    created_at: datetime
    account_id: str
    target_id: str
    status_ids: list[str]
    comment: str
    category: str
    updated_at: datetime
    assigned_to: str | None = None
    action_taken_at: datetime | None = None
    action_taken_by: str | None = None


#: Told of each change: update, status.update and delete with the status, notification with the notification.
Watcher = Callable[[str, Status | Notification], None]


def unknown_record() -> Refusal:
    return Refusal(404, UNKNOWN_STATUS)


class Fediverse:
    """State and rules. Callers hold the world's lock. Ids are opaque text whose order is the order of making."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self.options = options
        self.now = now
        self.mint = UlidMint().mint
        self.accounts: dict[str, Account] = {}
        self.statuses: dict[str, Status] = {}
        self.children: dict[str, list[str]] = {}
        self.by_author: dict[str, list[str]] = {}
        self.notifications: list[Notification] = []
        self.reports: dict[str, Report] = {}
        self.shelf = Shelf()
        self.lists: dict[str, tuple[str, str, set[str]]] = {}  # id to owner, title, members
        self.watchers: list[Watcher] = []

    # reading

    def account(self, account_id: str) -> Account:
        found = self.accounts.get(account_id)
        if found is None:
            raise unknown_record()
        return found

    def account_named(self, username: str) -> Account | None:
        wanted = username.lstrip("@").split("@")[0].lower()
        return next((a for a in self.accounts.values() if a.username.lower() == wanted), None)

    def sees(self, viewer: Account | None, status: Status) -> bool:
        author = self.accounts[status.account_id]
        if status.unknown or author.state == "suspend":
            return False
        if status.visibility in ("public", "unlisted"):
            return True
        if viewer is None:
            return False
        if viewer.id == author.id or viewer.id in status.mentions:
            return True
        return status.visibility == "private" and author.id in viewer.following

    def status(self, status_id: str, viewer: Account | None) -> Status:
        found = self.statuses.get(status_id)
        if found is None or not self.sees(viewer, found):
            raise unknown_record()
        return found

    def replies(self, status_id: str) -> list[Status]:
        return [self.statuses[i] for i in self.children.get(status_id, ()) if i in self.statuses]

    def posts_of(self, account: Account) -> list[Status]:
        return [self.statuses[i] for i in self.by_author.get(account.id, ()) if i in self.statuses]

    def ancestors(self, status: Status, viewer: Account | None) -> list[Status]:
        above: list[Status] = []
        parent = self.statuses.get(status.in_reply_to or "")
        while parent is not None and self.sees(viewer, parent):
            above.append(parent)
            parent = self.statuses.get(parent.in_reply_to or "")
        return above[::-1]

    def descendants(self, status: Status, viewer: Account | None) -> list[Status]:
        """Depth first, as Mastodon sorts them. Below a reply this server does not know, nothing is known."""
        below: list[Status] = []
        waiting = self.replies(status.id)[::-1]
        while waiting:
            reply = waiting.pop()
            if self.sees(viewer, reply):
                below.append(reply)
                waiting += self.replies(reply.id)[::-1]
        return below

    # writing

    def add_account(self, username: str, name: str, joined: datetime, *, staff: bool = False) -> Account:
        account = Account(self.mint(joined), username, name, joined, staff=staff)
        self.accounts[account.id] = account
        return account

    def post(self, wish: Wish) -> Status:
        at = wish.at or self.now()
        parent = self.statuses.get(wish.in_reply_to or "")
        status = Status(
            self.mint(at),
            wish.account_id,
            at,
            [Version(wish.text, wish.spoiler, at, wish.media)],
            visibility=wish.visibility,
            in_reply_to=wish.in_reply_to,
            in_reply_to_account=parent.account_id if parent else None,
            language=wish.language,
            sensitive=wish.sensitive or bool(wish.spoiler),
            seeded_favourites=wish.favourites,
        )
        self.statuses[status.id] = status
        self.shelf.attach(wish.media, status.id)
        self.by_author.setdefault(wish.account_id, []).append(status.id)
        if wish.in_reply_to:
            self.children.setdefault(wish.in_reply_to, []).append(status.id)
        self._tell("update", status)
        self._mention(status, self._named_in(status.text))
        return status

    def _tell(self, event: str, record: Status | Notification) -> None:
        for watcher in self.watchers:
            watcher(event, record)

    def _named_in(self, text: str) -> list[str]:
        named = (self.account_named(name) for name in MENTION.findall(text))
        return list(dict.fromkeys(account.id for account in named if account is not None))

    def _mention(self, status: Status, account_ids: list[str]) -> None:
        new = [i for i in account_ids if i not in status.mentions]
        status.mentions += new
        for account_id in new:
            self.notify("mention", account_id, status.account_id, status)

    def notify(
        self, kind: str, owner_id: str, by: str, status: Status | None = None, report_id: str | None = None
    ) -> None:
        if owner_id == by:
            return
        at = status.created_at if status and kind == "mention" else self.now()
        status_id, filtered = status.id if status else None, self.accounts[by].limited
        made = Notification(self.mint(at), kind, at, owner_id, by, status_id, report_id, filtered)
        self.notifications.append(made)
        self._tell("notification", made)

    def edit(self, status: Status, text: str, spoiler: str | None = None, media: tuple[str, ...] | None = None) -> None:
        """A new version. None keeps what the last one has."""
        last = status.versions[-1]
        kept = (last.spoiler if spoiler is None else spoiler, self.now(), last.media if media is None else media)
        status.versions.append(Version(text, *kept))
        self.shelf.attach(status.versions[-1].media, status.id)
        self._tell("status.update", status)
        self._mention(status, self._named_in(text))
        for watcher in sorted(status.reblogged_by):
            self.notify("update", watcher, status.account_id, status)

    def delete(self, status: Status) -> None:
        """Replies stay and keep the id of what they answered."""
        del self.statuses[status.id]
        self.notifications = [n for n in self.notifications if n.status_id != status.id]
        self._tell("delete", status)

    def favourite(self, status: Status, by: Account) -> None:
        if by.id not in status.favourited_by:
            status.favourited_by.add(by.id)
            self.notify("favourite", status.account_id, by.id, status)

    def reblog(self, status: Status, by: Account) -> None:
        if by.id not in status.reblogged_by:
            status.reblogged_by.add(by.id)
            self.notify("reblog", status.account_id, by.id, status)

    def report(self, by: Account, target: Account, status_ids: list[str], comment: str, category: str) -> Report:
        now = self.now()
        report = Report(self.mint(now), now, by.id, target.id, status_ids, comment, category, now)
        self.reports[report.id] = report
        for staff in [a for a in self.accounts.values() if a.staff]:
            self.notify("admin.report", staff.id, by.id, report_id=report.id)
        return report
