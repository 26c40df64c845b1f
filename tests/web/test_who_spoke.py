"""A page of a conversation says in words which scorers read each message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from service.db.models import Message, Revision, ScoreRow
from service.deps import Deps
from tests.web.desk import Said, Seeder

SIGNATURES = {
    "en": {
        "embedded@2-abc": "the fast scorer",
        "embedded+careful@1a2b3c4d": "the fast scorer + the careful scorer",
        "embedded+careful+detoxify-onnx@1a2b3c4d": "the fast scorer + the careful scorer + Detoxify",
        "<b>@1": "&lt;b&gt;",
    },
    "fr": {"embedded+careful+detoxify@1": "l’évaluateur rapide + l’évaluateur attentif + Detoxify"},
}


@pytest.mark.parametrize(
    ("lang", "signature", "words"), [(lang, *pair) for lang, pairs in SIGNATURES.items() for pair in pairs.items()]
)
def test_who_read_a_message_is_said(
    as_role: Callable[[str], FlaskClient], deps: Deps, seed: Seeder, lang: str, signature: str, words: str
) -> None:
    said = [Said("It burned my hand"), Said("Nobody speaks of this one")]
    thread = seed.thread(seed.community(seed.connection()), said)
    of_first = select(Revision.id).join(Message).where(Message.text == said[0].text)
    with deps.store.write() as session:
        session.execute(update(ScoreRow).where(ScoreRow.revision_id.in_(of_first)).values(scorer=signature))
    page = as_role("owner").get(f"/threads/{thread}?lang={lang}").text
    read_by = "lu par" if lang == "fr" else "read by"
    assert f'; {read_by} {words}"' in page, "each message tells on demand"
    assert f"<code>{signature.replace('<b>', '&lt;b&gt;')}</code>" in page, "the marked one in full"
    assert (f"<span>{read_by} {words}</span>" in page) == ("+" in signature), "in sight where more than one spoke"
