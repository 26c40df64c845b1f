"""The one page of the sandbox: who do you want to be? Signing in here needs no password."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{question}</p>
<form method="post" action="{action}">{hidden}
<label for="username">Sign in as</label>
<select id="username" name="username">{people}</select>
<button type="submit">Allow</button>{refusal}</form></main></body></html>
"""


REFUSAL = '<button type="submit" name="deny" value="1">Deny</button>'


def page(
    title: str,
    question: str,
    action: str,
    kept: Iterable[tuple[str, str]],
    people: Iterable[str],
    *,
    refusable: bool = False,
) -> str:
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in kept)
    options = "".join(f"<option>{escape(name)}</option>" for name in people)
    return PAGE.format(
        title=escape(title),
        question=escape(question),
        action=escape(action),
        hidden=hidden,
        people=options,
        refusal=REFUSAL if refusable else "",
    )
