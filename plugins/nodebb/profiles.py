"""What a member says of themselves on a forum, for everybody to read."""

from __future__ import annotations

import re
from urllib.parse import quote

from plugins.contract import Gone, Profile, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.text import shown_name

READ_PROFILE = "read members' profiles"


def profile(client: Client, handle: str) -> Profile:
    """By the name that the forum shows. Raises Gone where nobody here is called so."""
    name = handle.strip().removeprefix("@")
    slug = re.sub(r"[^\w.@+-]+", "-", name.casefold()).strip("-")
    if not slug:
        raise Gone("Nobody on the forum is called so.")
    page = client.page(f"/api/user/{quote(slug, safe='')}", READ_PROFILE)
    uid, called = page.get("uid"), shown_name(page.get("username"))
    if isinstance(uid, bool) or not isinstance(uid, int) or uid <= 0:
        raise Temporary("The forum's answer has an unknown form.", detail="a profile has no uid")
    if called.casefold() != name.casefold():
        raise Gone("Nobody on the forum is called so.")
    about = page.get("aboutme")
    return Profile(str(uid), called, about if isinstance(about, str) else "")
