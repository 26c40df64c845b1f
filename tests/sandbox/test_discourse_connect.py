"""The sandbox's forum as identity provider, over a real socket, asked and read by the desk's own code."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from sandbox_server import Running, running_sandbox

from service.auth.external.discourse import connect_answer, connect_url
from service.auth.external.proof import Provider, Trouble, Why
from service.sandbox.discourse_connect import connect_signature

BACK = "https://desk.example/external/discourse/k/back?state=s"


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


def answered(box: Running, url: str, username: str = "marc") -> dict[str, str]:
    """What the forum sends to the way back when `username` says yes."""
    parts = urlsplit(url)
    answer = box.client.post(parts.path, data=dict(parse_qsl(parts.query)) | {"username": username})
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(BACK + "&sso=")
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def test_a_question_with_a_wrong_signature_is_refused(box: Running) -> None:
    good = urlsplit(connect_url(box.url, "another secret", "n", BACK))
    assert box.client.get(f"{good.path}?{good.query}").status_code == 422
    assert box.client.post(good.path, data=dict(parse_qsl(good.query)) | {"username": "marc"}).status_code == 422


@pytest.mark.parametrize("said", [{"nonce": "n"}, {"return_sso_url": BACK}, {"nonce": "", "return_sso_url": BACK}])
def test_a_question_without_nonce_or_way_back_is_refused(box: Running, said: dict[str, str]) -> None:
    encoded = base64.b64encode(urlencode(said).encode()).decode()
    query = {"sso": encoded, "sig": connect_signature(box.discourse.connect_secret, encoded)}
    assert box.client.get("/session/sso_provider", params=query).status_code == 400


def test_a_member_is_named_with_our_nonce(box: Running) -> None:
    secret = box.discourse.connect_secret
    url = connect_url(box.url, secret, "our-nonce", BACK)
    assert "Sign in as" in box.client.get(url).text
    args = answered(box, url)
    assert args["state"] == "s"
    proof = connect_answer(box.url, secret, args, "our-nonce")
    user = box.world.forum.user("marc")
    assert (proof.provider, proof.issuer, proof.subject) == (Provider.DISCOURSE, box.url, str(user.id))
    assert proof.handle == f"marc@{urlsplit(box.url).netloc}"


@pytest.mark.parametrize(("secret", "nonce"), [("another secret", "our-nonce"), (None, "another-nonce")])
def test_its_answer_is_believed_with_our_secret_and_nonce_only(box: Running, secret: str | None, nonce: str) -> None:
    url = connect_url(box.url, box.discourse.connect_secret, "our-nonce", BACK)
    with pytest.raises(Trouble) as caught:
        connect_answer(box.url, secret or box.discourse.connect_secret, answered(box, url), nonce)
    assert caught.value.why is Why.UNPROVEN


def test_a_changed_answer_is_not_even_read(box: Running) -> None:
    args = answered(box, connect_url(box.url, box.discourse.connect_secret, "our-nonce", BACK))
    for sso in (args["sso"][:-4], "", "=", "é", args["sso"] + "AAAA"):
        with pytest.raises(Trouble) as caught:
            connect_answer(box.url, box.discourse.connect_secret, args | {"sso": sso}, "our-nonce")
        assert caught.value.detail == "signature"
