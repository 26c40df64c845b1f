"""What a member says of themselves on a server, for everybody to read."""

from __future__ import annotations

import re

from plugins.contract import Gone, Profile
from plugins.lemmy.api import Lemmy
from plugins.lemmy.client import unknown_form
from plugins.lemmy.shape import handle_of, part

_HANDLE = re.compile(r"@?([\w.-]{1,60})(@[\w.:-]{1,250})?")


def profile(lemmy: Lemmy, handle: str) -> Profile:
    """By name, with its server where that is another one. Raises Gone where nobody is called so."""
    found = _HANDLE.fullmatch(handle.strip())
    if found is None:
        raise Gone("Nobody on the server is called so.")
    lemmy.me()
    name = found[0].removeprefix("@")
    answer = lemmy.get("person" if lemmy.v4 else "user", username=name)
    person = part(part(answer, "person_view"), "person")
    number, called = person.get("id"), person.get("name")
    if not isinstance(number, int) or not isinstance(called, str):
        raise unknown_form("person_view.person has no id or name")
    if called.casefold() != found[1].casefold():
        raise Gone("Nobody on the server is called so.")
    about = person.get("bio")
    return Profile(str(number), handle_of(person), about if isinstance(about, str) else "")
