"""The OpenAPI document is true: what it describes is what is answered, whatever is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from api_support import Desk, grant, make_desk, report
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import update

from service.db.models import Connection
from service.usecases.clients import SCOPES

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
load_all_checks()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, str]]:
    desk = make_desk(Path(tmp_path_factory.mktemp("schema")))
    desk.add_account(desk.add_forum())
    desk.fill()
    yield desk, desk.token(*SCOPES)
    desk.deps.store.engine.dispose()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_described(filled: tuple[Desk, str], mode: GenerationMode) -> None:
    desk, token = filled
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", desk.app)
    cases = st.one_of([op.ok().as_strategy(generation_mode=mode) for op in schema.get_all_operations()])

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def answers(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    answers()


def test_real_content_is_as_described(filled: tuple[Desk, str]) -> None:
    """Generated requests seldom name what exists: here each operation answers with content."""
    desk, token = filled
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", desk.app)
    bodies: dict[str, Any] = {
        "/score": {"texts": ["I will sue you"]},
        "/deliveries/dead/retry": {},
        "/stop": {"stopped": False},
    }
    bodies["/actions"] = {"kind": "lock", "thread_id": 1, "reason": "Rule 2"}
    bodies["/reports/{report_id}/decision"] = {"verdict": "dismissed", "reason": "Within the rules."}
    bodies["/replies"] = {"thread_id": 1, "text": "Please write to help@example.org."}
    drafted = desk.call(token, "POST", "/replies", json=bodies["/replies"]).get_json()
    assert drafted["findings"]
    reported = report(desk, "1:1", restricted=False)
    held = grant(desk, "see", "hide")
    with desk.deps.store.write() as session:
        session.execute(update(Connection).values(may=["reply", "lock"], lacks={"hide": "Make it a moderator there."}))
    shown = desk.call(token, "GET", "/grants").get_json()["items"]
    assert [(one["id"], len(one["obstacles"])) for one in shown] == [(held, 1)]
    ids = {"thread_id": 1, "reply_id": drafted["id"], "report_id": reported}
    for found in schema.get_all_operations():
        operation = found.ok()
        short = re.sub(r"^/api/v1", "", operation.path)
        case = operation.Case(
            path_parameters={name: number for name, number in ids.items() if f"{{{name}}}" in short},
            query={"remote_id": "1"} if short == "/threads" else {},
            body=bodies[short] if operation.method.upper() in ("POST", "PUT") else NOT_SET,
            media_type="application/json" if operation.method.upper() in ("POST", "PUT") else None,
        )
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 200, response.text
        case.validate_response(response, checks=CHECKS)
