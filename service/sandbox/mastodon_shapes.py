"""Fediverse records as Mastodon writes them in JSON."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from service.sandbox.fediverse import Account, Notification, Report, Status, Version
from service.sandbox.ids import HASHTAG, MENTION, iso, iso_or_none, paragraphs
from service.sandbox.media import Attachment
from service.sandbox.world import World

Json = dict[str, Any]
STAFF_PERMISSIONS = 0x10 | 0x400  # manage reports, manage users


class Shapes:
    """Bound to a world for its URLs and to the account that looks."""

    def __init__(self, world: World, viewer: Account | None) -> None:
        self.world = world
        self.fedi = world.fedi
        self.viewer = viewer

    def url(self, path: str) -> str:
        return self.world.base_url + path

    def account(self, account: Account) -> Json:
        own = [s for s in self.fedi.posts_of(account) if not s.unknown]
        picture = self.url("/avatar.png")
        return {
            "id": account.id,
            "username": account.username,
            "acct": account.username,
            "display_name": account.name,
            "locked": False,
            "bot": False,
            "discoverable": True,
            "indexable": account.indexable,
            "group": False,
            "created_at": iso(account.created_at),
            "note": paragraphs(account.note),
            "url": self.url(f"/@{account.username}"),
            "uri": self.url(f"/users/{account.username}"),
            "avatar": picture,
            "avatar_static": picture,
            "header": picture,
            "header_static": picture,
            "followers_count": sum(account.id in a.following for a in self.fedi.accounts.values()),
            "following_count": len(account.following),
            "statuses_count": len(own),
            "last_status_at": iso(own[-1].created_at)[:10] if own else None,
            "emojis": [],
            "fields": [],
        }

    def own_account(self, account: Account) -> Json:
        return self.account(account) | {
            "source": {
                "privacy": "public",
                "sensitive": False,
                "language": "en",
                "note": account.note,
                "fields": [],
                "follow_requests_count": 0,
            },
            "role": self.role(account),
        }

    def role(self, account: Account) -> Json:
        name, bits = ("Moderator", STAFF_PERMISSIONS) if account.staff else ("", 0)
        role = {"id": str(int(account.staff)), "name": name, "permissions": str(bits)}
        return role | {"color": "", "highlighted": False}

    def content(self, text: str) -> str:
        def mention(match: re.Match[str]) -> str:
            found = self.fedi.account_named(match[1])
            if found is None:
                return match[0]
            link = self.url(f"/@{found.username}")
            return f'<span class="h-card"><a href="{link}" class="u-url mention">@<span>{match[1]}</span></a></span>'

        def tag(match: re.Match[str]) -> str:
            link = self.url(f"/tags/{match[1].lower()}")
            return f'<a href="{link}" class="mention hashtag" rel="tag">#<span>{escape(match[1])}</span></a>'

        # An escaped apostrophe is "&#x27;": the tag pattern refuses a "#" after "&".
        return MENTION.sub(mention, HASHTAG.sub(tag, paragraphs(text)))

    def status(self, status: Status) -> Json:
        author = self.fedi.accounts[status.account_id]
        viewer = self.viewer.id if self.viewer else ""
        return {
            "id": status.id,
            "created_at": iso(status.created_at),
            "edited_at": iso_or_none(status.edited_at),
            "in_reply_to_id": status.in_reply_to,
            "in_reply_to_account_id": status.in_reply_to_account,
            "sensitive": status.sensitive,
            "spoiler_text": status.spoiler,
            "visibility": status.visibility,
            "language": status.language,
            "uri": self.url(f"/users/{author.username}/statuses/{status.id}"),
            "url": self.url(f"/@{author.username}/{status.id}"),
            "replies_count": len(self.fedi.replies(status.id)),
            "reblogs_count": len(status.reblogged_by),
            "favourites_count": status.seeded_favourites + len(status.favourited_by),
            "favourited": viewer in status.favourited_by,
            "reblogged": viewer in status.reblogged_by,
            "muted": False,
            "bookmarked": False,
            "pinned": False,
            "content": self.content(status.text),
            "reblog": None,
            "application": None,
            "account": self.account(author),
            "media_attachments": self.media(status.versions[-1]),
            "mentions": [self.mention(self.fedi.accounts[i]) for i in status.mentions],
            "tags": [{"name": tag, "url": self.url(f"/tags/{tag}")} for tag in status.tags],
            "emojis": [],
            "card": None,
            "poll": None,
            "filtered": [],
        }

    def mention(self, account: Account) -> Json:
        url = self.url(f"/@{account.username}")
        return {"id": account.id, "username": account.username, "url": url, "acct": account.username}

    def version(self, status: Status, version: Version) -> Json:
        return {
            "content": self.content(version.text),
            "spoiler_text": version.spoiler,
            "sensitive": status.sensitive,
            "created_at": iso(version.at),
            "account": self.account(self.fedi.accounts[status.account_id]),
            "poll": None,
            "media_attachments": self.media(version),
            "emojis": [],
        }

    def media(self, version: Version) -> list[Json]:
        return [self.attachment(self.fedi.shelf.held[i]) for i in version.media]

    def attachment(self, made: Attachment) -> Json:
        """Without an address until the server is done with it."""
        url = None if made.looks else self.url(f"/system/media_attachments/{made.id}.{made.picture.kind}")
        width, height = made.picture.width, made.picture.height
        size = {"width": width, "height": height, "size": f"{width}x{height}"}
        return {
            "id": made.id,
            "type": "image",
            "url": url,
            "preview_url": url,
            "remote_url": None,
            "preview_remote_url": None,
            "text_url": None,
            "meta": {} if made.looks else {"original": size, "small": size},
            "description": made.description or None,
            "blurhash": None,
        }

    def notification(self, notice: Notification) -> Json:
        shape: Json = {
            "id": notice.id,
            "type": notice.type,
            "created_at": iso(notice.created_at),
            "group_key": group_key(notice),
            "account": self.account(self.fedi.accounts[notice.account_id]),
        }
        if notice.filtered:
            shape["filtered"] = True
        if notice.status_id is not None:
            shape["status"] = self.status(self.fedi.statuses[notice.status_id])
        if notice.report_id is not None:
            shape["report"] = self.report(self.fedi.reports[notice.report_id])
        return shape

    def report(self, report: Report) -> Json:
        return {
            "id": report.id,
            "action_taken": report.action_taken_at is not None,
            "action_taken_at": iso_or_none(report.action_taken_at),
            "category": report.category,
            "comment": report.comment,
            "forwarded": False,
            "created_at": iso(report.created_at),
            "status_ids": report.status_ids or None,
            "rule_ids": None,
            "target_account": self.account(self.fedi.accounts[report.target_id]),
        }

    def admin_account(self, account: Account) -> Json:
        return {
            "id": account.id,
            "username": account.username,
            "domain": None,
            "created_at": iso(account.created_at),
            "email": f"{account.username}@mail.example",
            "ip": None,
            "ips": [],
            "locale": "en",
            "invite_request": None,
            "role": self.role(account),
            "confirmed": True,
            "approved": True,
            "disabled": account.state == "disable",
            "silenced": account.state == "silence",
            "suspended": account.state == "suspend",
            "sensitized": account.state == "sensitive",
            "account": self.account(account),
        }

    def admin_report(self, report: Report) -> Json:
        known = [self.fedi.statuses[i] for i in report.status_ids if i in self.fedi.statuses]
        return {
            "id": report.id,
            "action_taken": report.action_taken_at is not None,
            "action_taken_at": iso_or_none(report.action_taken_at),
            "category": report.category,
            "comment": report.comment,
            "forwarded": False,
            "created_at": iso(report.created_at),
            "updated_at": iso(report.updated_at),
            "account": self.admin_account(self.fedi.accounts[report.account_id]),
            "target_account": self.admin_account(self.fedi.accounts[report.target_id]),
            "assigned_account": self._admin_or_none(report.assigned_to),
            "action_taken_by_account": self._admin_or_none(report.action_taken_by),
            "statuses": [self.status(s) for s in known],
            "rules": [],
        }

    def _admin_or_none(self, account_id: str | None) -> Json | None:
        return self.admin_account(self.fedi.accounts[account_id]) if account_id else None


def group_key(notice: Notification) -> str:
    """Only favourites, boosts and follows are grouped; everything else stands alone."""
    if notice.type in ("favourite", "reblog"):
        return f"{notice.type}-{notice.status_id}"
    if notice.type == "follow":
        return f"follow-{notice.created_at:%Y%m%d%H}"
    return f"ungrouped-{notice.id}"
