"""One open connection to a server of the Mastodon API."""

from __future__ import annotations

from datetime import datetime

from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Check, Gone, Io, MissingRight, Page, Permanent, Receipt, Temporary
from plugins.mastodon import actions, intake, proofs, sources, staff
from plugins.mastodon.client import Client, part
from plugins.mastodon.cursor import Cursor
from plugins.mastodon.deliveries import Own, Raw, status_id
from plugins.mastodon.limits import limits_of
from plugins.mastodon.server import domain_of, notes_on, server_name
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.text import plain


class MastodonSession:
    """Keeps plugins.contract.Session."""

    def __init__(self, settings: MastodonSettings, io: Io) -> None:
        self._settings = settings
        self._io = io
        self._client = Client(settings, io)
        self._own: Own | None = None
        self._account: Raw = {}

    def check(self) -> Check:
        instance = self._instance()
        own = self._who(instance=instance)
        moderating = staff.standing(self._client, instance, self._account)
        reads, writes, pictures = (
            self._missing_reads(own),
            self._missing_write("statuses"),
            self._missing_write("media"),
        )
        return Check(
            account=f"@{own.acct}",
            server=server_name(instance),
            may=moderating.may | (frozenset() if writes else actions.ANSWERING),
            missing=(*reads, *(f"{e.missing}: {e}" for e in (writes, pictures) if e), *self._missing_streams()),
            notes=(*notes_on(instance), *moderating.notes),
            limits=limits_of(instance, pictures=not pictures),
            lacks={**moderating.lacks, **(dict.fromkeys(actions.ANSWERING, str(writes)) if writes else {})},
        )

    def poll(self, cursor: str) -> Page:
        stored = Cursor.of(cursor)
        own = self._who(known=stored.own() if stored.server == self._settings.url else None)
        if (stored.server, stored.account) != (self._settings.url, own.id):
            stored = Cursor(server=self._settings.url, account=own.id, acct=own.acct)
        return intake.poll(self._client, self._settings, own, stored, self._io.now())

    def fetch_thread(self, thread_id: str) -> Page:
        return intake.fetch_thread(self._client, self._who(), thread_id, self._io.now())

    def perform(self, permit: Permit, act: Act) -> Receipt:
        return actions.perform(self._client, permit, act, self._who)

    def find_existing(self, act: Act, since: datetime) -> Receipt | None:
        return proofs.find_existing(self._client, act, self._who(), since)

    def close(self) -> None:
        self._client.close()

    def _who(self, known: Own | None = None, instance: Raw | None = None) -> Own:
        """Whose token this is. Asked once a session: a token can be replaced by another account's."""
        if self._own is None:
            account = self._client.get("/api/v1/accounts/verify_credentials").body
            found = status_id(account) if isinstance(account, dict) else ""
            if not found:
                raise Temporary("The server did not say whose token this is.")
            self._account = account
            if known is not None and known.id == found and known.acct:
                self._own = known
            else:
                self._own = Own(found, self._address(account, instance))
        return self._own

    def _address(self, account: Raw, instance: Raw | None) -> str:
        """The full address. Servers leave the domain out for their own accounts; it need not be the host we call."""
        acct = plain(account.get("acct")) or plain(account.get("username"))
        if "@" in acct:
            return acct
        return f"{acct}@{domain_of(instance if instance is not None else self._instance()) or self._client.host}"

    def _instance(self) -> Raw:
        """What the server says of itself; {} where it says nothing usable. Old servers have only the first form."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            try:
                body = self._client.get(path).body
            except Gone:
                continue
            if isinstance(body, dict):
                return body
        return {}

    def _missing_reads(self, own: Own) -> tuple[str, ...]:
        """One look at each thing that polling needs."""
        found = []
        for path in ("/api/v1/notifications", f"/api/v1/accounts/{part(own.id)}/statuses"):
            try:
                self._client.get(path, {"limit": 1})
            except MissingRight as error:
                found.append(f"{error.missing}: {error}")
        return tuple(found)

    def _missing_write(self, what: str) -> MissingRight | None:
        """Tries to edit what does not exist: servers look at the right first, and nothing can come of it."""
        try:
            self._client.put(f"/api/v1/{what}/0", {"status" if what == "statuses" else "description": "-"})
        except MissingRight as error:
            return error
        except (Permanent, Ambiguous):
            return None  # refused for the thing, or stumbled over it: the right is there
        return None

    def _missing_streams(self) -> tuple[str, ...]:
        """Lists and accounts of the settings that the server does not know."""
        wanted = [("list", one) for one in self._settings.lists] + [("account", one) for one in self._settings.accounts]
        found = (self._missing_stream(kind, what) for kind, what in wanted)
        return tuple(dict.fromkeys(one for one in found if one))

    def _missing_stream(self, kind: str, what: str) -> str:
        try:
            known = sources.find(self._client, kind, what)
        except MissingRight as error:
            return f"{error.missing}: {error}"
        return "" if known else f"The {kind} “{what}” is not known to the server. Correct its name, or leave it out."
