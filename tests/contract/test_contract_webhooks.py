"""What every connector promises whose platform pushes: nothing is believed unsigned, nothing private is kept."""

from __future__ import annotations

from typing import cast

import pytest

from moderation.errors import BadInput
from plugins.contract import ConnectorError, Delivery, Refused, TakesWebhooks
from tests.contract.checks import parsed, secret
from tests.contract.found import CONNECTORS, rig_of
from tests.contract.rig import Webhook

PUSHING = sorted(name for name, connector in CONNECTORS.items() if isinstance(connector, TakesWebhooks))
with_webhooks = pytest.mark.parametrize("name", PUSHING)


def receive(name: str, webhook: Webhook, **changed: str | None) -> Delivery:
    headers = {k.lower(): v for k, v in webhook.headers.items()}
    for header, value in changed.items():
        headers.pop(header.replace("_", "-"), None)
        if value is not None:
            headers[header.replace("_", "-")] = value
    return cast(TakesWebhooks, CONNECTORS[name]).receive(headers, webhook.body, rig_of(name).settings)


def webhooks(name: str) -> list[Webhook]:
    given = rig_of(name).webhooks
    assert given is not None, f"tests/plugins/{name}/rig.py gives no webhooks, and the connector takes them"
    return list(given())


@with_webhooks
def test_a_signed_webhook_is_taken_and_parsed(name: str) -> None:
    for webhook in webhooks(name):
        delivery = receive(name, webhook)
        assert delivery.admitted is webhook.admitted
        assert parsed(name, delivery) is not None


@with_webhooks
def test_the_same_webhook_twice_has_the_same_key(name: str) -> None:
    for webhook in webhooks(name):
        assert receive(name, webhook) == receive(name, webhook)


@with_webhooks
def test_private_content_leaves_only_its_key(name: str) -> None:
    private = [webhook for webhook in webhooks(name) if not webhook.admitted]
    assert private, "the rig has no private webhook"
    for webhook in private:
        delivery = receive(name, webhook)
        assert (delivery.admitted, delivery.body) == (False, b"")
        assert delivery.key


@with_webhooks
@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha256=" + "0" * 64, "\u00e9", "sha1=abc", "x" * 9000])
def test_a_bad_signature_is_refused(name: str, signature: str | None) -> None:
    header = rig_of(name).signature_header
    for webhook in webhooks(name):
        with pytest.raises(Refused) as caught:
            receive(name, webhook, **{header: signature})
        assert_no_secret(name, caught.value)


@with_webhooks
def test_a_signature_of_another_body_or_another_time_is_refused(name: str) -> None:
    first, second = webhooks(name)[:2]
    for body in (first.body + b" ", second.body, b""):
        with pytest.raises(Refused):
            receive(name, Webhook(first.headers, body))


@with_webhooks
def test_without_a_secret_every_webhook_is_refused(name: str) -> None:
    rig = rig_of(name)
    optional = [f for f in rig.settings.secret_names() if not type(rig.settings).model_fields[f].is_required()]
    without = rig.settings.model_copy(update=dict.fromkeys(optional))
    if not optional:
        return  # a secret that the settings demand is always there
    for webhook in webhooks(name):
        headers = {k.lower(): v for k, v in webhook.headers.items()}
        with pytest.raises(Refused):
            cast(TakesWebhooks, CONNECTORS[name]).receive(headers, webhook.body, without)


def assert_no_secret(name: str, error: BaseException) -> None:
    given = rig_of(name).settings
    said = f"{error} {error!r} {getattr(error, 'detail', '')}"
    assert isinstance(error, (ConnectorError, Refused, BadInput))
    for field in given.secret_names():
        assert secret(getattr(given, field)) not in said
