"""What a forum's records leave out: who its staff is, what the brand is called, which categories guests may read."""

from __future__ import annotations

from plugins.contract import Gone, MissingRight, Permanent
from plugins.nodebb.client import Client
from plugins.nodebb.cursor import Cursor
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, Maker, is_on

READ_TOPICS = "read topics"
READ_ACCOUNT = "read accounts"
READ_GROUPS = "read groups"
STAFF_GROUPS = ("administrators", "global-moderators")


class Knowledge:
    """Asked for when it is needed; kept in the cursor until it is old."""

    def __init__(self, client: Client, settings: NodebbSettings) -> None:
        self._client = client
        self._settings = settings

    def learn(self, cursor: Cursor) -> None:
        account = self._account()
        names = [account.get("username"), account.get("userslug")]
        cursor.names = sorted({n for n in names if isinstance(n, str) and n})
        cursor.staff = sorted({uid for group in STAFF_GROUPS for uid in self._members(group)})
        cursor.guests = {}
        cursor.learnt_at = self._client.now()

    def must_be_there(self, error: Gone | MissingRight) -> None:
        """A deleted topic is refused as one without the right is. A banned account is refused everything."""
        if isinstance(error, MissingRight):
            self._account()

    def maker(self, cursor: Cursor, topic: Json) -> Maker:
        return Maker(self._settings, topic, restricted=not self._open_to_guests(cursor, topic.get("cid")))

    def _account(self) -> Json:
        account = self._client.get(f"/api/v3/users/{self._settings.uid}", READ_ACCOUNT)
        if is_on(account.get("banned")):
            raise MissingRight("The forum has banned the account that Tenth acts as.", missing=READ_TOPICS)
        return account

    def _members(self, group: str) -> list[str]:
        """The first ones; a forum may hide its groups."""
        try:
            answer = self._client.page(f"/api/groups/{group}", READ_GROUPS).get("group")
        except (Gone, MissingRight):
            return []
        members = answer.get("members") if isinstance(answer, dict) else None
        return [str(m["uid"]) for m in members if isinstance(m, dict) and m.get("uid")] if members else []

    def _open_to_guests(self, cursor: Cursor, cid: object) -> bool:
        """Asked without our token, once for each category until what is known is old."""
        if isinstance(cid, bool) or not isinstance(cid, int) or cid < 1:
            return False
        if str(cid) not in cursor.guests:
            cursor.guests[str(cid)] = self._guests_may_read(cid)
        return cursor.guests[str(cid)]

    def _guests_may_read(self, cid: int) -> bool:
        try:
            may = self._client.as_guest(f"/api/category/{cid}").get("privileges")
        except Permanent:
            return False
        return isinstance(may, dict) and is_on(may.get("read")) and is_on(may.get("topics:read"))
