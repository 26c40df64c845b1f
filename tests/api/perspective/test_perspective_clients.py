"""A real server, and the clients that callers of the Perspective API have: Google's for Python and for Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.selftest.place import HOST, throw_away
from service.usecases.perspective import create_key

discovery = pytest.importorskip("googleapiclient.discovery", reason="google-api-python-client is not installed")
INSULT, THANKS = "You are an idiot.", "Thank you very much for your help."
NPM_PACKAGE = "googleapis-common@8"
NODE = """
const {Discovery} = require('googleapis-common');
const [url, key] = process.argv.slice(1);
(async () => {
  const client = (await new Discovery().discoverAPI(url))({});
  const ask = async (text, attributes = {TOXICITY: {}}) => {
    const body = {comment: {text}, requestedAttributes: attributes, languages: ['en'], spanAnnotations: true};
    try {
      return (await client.comments.analyze({key, requestBody: body})).data;
    } catch (error) {
      return {status: error.status, message: error.message};
    }
  };
  const answers = [await ask(process.argv[3]), await ask(process.argv[4]), await ask('x', {SPAM: {}})];
  console.log(JSON.stringify(answers));
})();
"""


@dataclass(frozen=True)
class Server:
    url: str
    key: str

    @property
    def discovery(self) -> str:
        return f"{self.url}/$discovery/rest?version=v1alpha1"

    def client(self, key: str | None = None) -> Any:
        return discovery.build(
            "commentanalyzer",
            "v1alpha1",
            developerKey=self.key if key is None else key,
            discoveryServiceUrl=self.discovery,
            static_discovery=False,
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with throw_away() as place:
        key = create_key(place.deps, "forum", None, None)
        place.start()
        yield Server(f"http://{HOST}:{place.port}", key)


def toxicity(answer: Any) -> float:
    return float(answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"])


def body(text: str, *attributes: str) -> dict[str, Any]:
    return {"comment": {"text": text}, "requestedAttributes": {name: {} for name in attributes or ("TOXICITY",)}}


def test_googles_python_client_reads_refusals(server: Server) -> None:
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError) as refused:
        server.client("wrong").comments().analyze(body=body(INSULT)).execute()
    assert refused.value.resp.status == 400
    assert "API key not valid" in refused.value.reason
    with pytest.raises(HttpError, match="LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"):
        server.client().comments().analyze(body=body(INSULT) | {"languages": ["de"]}).execute()
    with pytest.raises(HttpError, match="COMMENT_EMPTY"):
        server.client().comments().analyze(body=body("")).execute()


def test_googles_python_client_gets_scores_from_our_document(server: Server) -> None:
    with server.client() as client:
        answer = client.comments().analyze(body=body(INSULT) | {"clientToken": "7", "languages": ["en"]}).execute()
        assert toxicity(answer) > 0.8
        assert answer["clientToken"] == "7"
        assert answer["attributeScores"]["TOXICITY"]["spanScores"][0]["end"] == len(INSULT)
        assert toxicity(client.comments().analyze(body=body(THANKS)).execute()) < 0.2
        suggested = body(THANKS) | {"attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}}
        del suggested["requestedAttributes"]
        assert client.comments().suggestscore(body=suggested).execute()["detectedLanguages"] == ["en"]


def test_googles_python_client_finds_the_document_where_it_looks_by_itself(server: Server) -> None:
    url = f"{server.url}/discovery/v1/apis/{{api}}/{{apiVersion}}/rest"
    client = discovery.build(
        "commentanalyzer", "v1alpha1", developerKey=server.key, discoveryServiceUrl=url, static_discovery=False
    )
    assert toxicity(client.comments().analyze(body=body(INSULT)).execute()) > 0.8


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Google's client for Node in it."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node is not installed")
    folder = tmp_path_factory.mktemp("node")
    line = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", NPM_PACKAGE]
    try:
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    if done.returncode:
        pytest.skip(f"npm cannot install {NPM_PACKAGE}: {done.stderr.strip()[-200:]}")
    return folder


def test_googles_client_for_node_gets_scores_from_our_document(server: Server, node: Path) -> None:
    line = ["node", "-e", NODE, server.discovery, server.key, INSULT, THANKS]
    done = subprocess.run(line, cwd=node, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    hostile, calm, refused = json.loads(done.stdout)
    assert toxicity(hostile) > 0.8
    assert toxicity(calm) < 0.2
    assert refused["status"] == 400
    assert "Unknown requested attribute: SPAM" in refused["message"]
