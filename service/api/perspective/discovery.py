"""The discovery document: what Google's client libraries build a client from.

Names and types are the protocol's; the descriptions are ours.
"""

from __future__ import annotations

from typing import Any

NAME, VERSION = "commentanalyzer", "v1alpha1"
REVISION = "20261122"
_SCORE_TYPES = ("SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW")
_TEXT_TYPES = ("TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML")

Schema = dict[str, Any]


def document(root: str) -> Schema:
    """The document of a server whose address is `root`, ending in a slash."""
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"{NAME}:{VERSION}",
        "name": NAME,
        "canonicalName": "Comment Analyzer",
        "version": VERSION,
        "revision": REVISION,
        "title": "Tenth, as a Perspective Comment Analyzer",
        "description": "Scores how a comment may be taken: toxicity and its kinds, in English and French.",
        "ownerName": "The operator of this server",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "basePath": "",
        "baseUrl": root,
        "parameters": _PARAMETERS,
        "schemas": {name: {"id": name, "type": "object", **schema} for name, schema in _SCHEMAS.items()},
        "resources": {"comments": {"methods": {"analyze": _ANALYZE, "suggestscore": _SUGGEST}}},
    }


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _ref(name: str, description: str) -> Schema:
    return {"$ref": name, "description": description}


def _many(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _by_attribute(name: str, description: str) -> Schema:
    return {"type": "object", "additionalProperties": {"$ref": name}, "description": description}


def _one_of(values: tuple[str, ...], description: str) -> Schema:
    return _text(description, enum=list(values), enumDescriptions=[""] * len(values))


def _method(name: str, asks: str, answers: str, description: str) -> Schema:
    path = f"{VERSION}/comments:{name}"
    return {
        "id": f"{NAME}.comments.{name}",
        "path": path,
        "flatPath": path,
        "httpMethod": "POST",
        "description": description,
        "parameters": {},
        "parameterOrder": [],
        "request": {"$ref": asks},
        "response": {"$ref": answers},
    }


def _parameter(description: str, kind: str = "string", **more: Any) -> Schema:
    return {"type": kind, "location": "query", "description": description, **more}


_PARAMETERS: Schema = {
    "key": _parameter("The client's key; it may come in the header X-Goog-Api-Key instead."),
    "alt": _parameter("The form of the answer: json.", default="json", enum=["json"], enumDescriptions=["JSON"]),
    "prettyPrint": _parameter("Accepted; answers are always compact.", "boolean", default="true"),
    "fields": _parameter("Accepted; answers are always whole."),
    "quotaUser": _parameter("Accepted; quotas are counted by key."),
}
_LANGUAGE = _text("A language as in BCP 47.")
_SAME_TOKEN = _text("The token of the request.")
_CONTEXT: Schema = {
    "comment": _ref("TextEntry", "The comment."),
    "context": _ref("Context", "What the comment answers. Accepted; it does not change the scores."),
    "languages": _many(_LANGUAGE, "Languages of the comment: en or fr. Found out when none is given."),
    "clientToken": _text("Comes back in the answer."),
    "communityId": _text("Accepted; every community has the same scores."),
    "sessionId": _text("Accepted."),
}
_SCHEMAS: dict[str, Schema] = {
    "TextEntry": {
        "properties": {
            "text": _text("The text, at most 20,480 bytes of UTF-8."),
            "type": _one_of(_TEXT_TYPES, "PLAIN_TEXT, or HTML, whose tags are taken out before scoring."),
        }
    },
    "ArticleAndParentComment": {
        "properties": {
            "article": _ref("TextEntry", "The article."),
            "parentComment": _ref("TextEntry", "The comment above."),
        }
    },
    "Context": {
        "properties": {
            "entries": _many({"$ref": "TextEntry"}, "Messages before this one."),
            "articleAndParentComment": _ref("ArticleAndParentComment", "An article and the comment above."),
        }
    },
    "AttributeParameters": {
        "properties": {
            "scoreType": _one_of(_SCORE_TYPES, "PROBABILITY is the only one there is."),
            "scoreThreshold": {
                "type": "number",
                "format": "float",
                "description": "The attribute is left out of the answer when its score is below.",
            },
        }
    },
    "AnalyzeCommentRequest": {
        "properties": {
            **_CONTEXT,
            "requestedAttributes": _by_attribute("AttributeParameters", "Attributes by name."),
            "spanAnnotations": _flag("Scores each sentence, too."),
            "doNotStore": _flag("Accepted; nothing is ever stored."),
            "dropUnsupportedAttributes": _flag("Leaves out what cannot be scored, in place of an error."),
        }
    },
    "Score": {
        "properties": {
            "value": {"type": "number", "format": "float", "description": "From 0 to 1."},
            "type": _one_of(_SCORE_TYPES, "PROBABILITY."),
        }
    },
    "SpanScore": {
        "properties": {
            "begin": {"type": "integer", "format": "int32", "description": "First UTF-16 unit of the span."},
            "end": {"type": "integer", "format": "int32", "description": "UTF-16 unit after the span."},
            "score": _ref("Score", "The score of the span."),
        }
    },
    "AttributeScores": {
        "properties": {
            "summaryScore": _ref("Score", "The score of the whole comment."),
            "spanScores": _many({"$ref": "SpanScore"}, "The sentences when asked for, else the whole comment."),
        }
    },
    "AnalyzeCommentResponse": {
        "properties": {
            "attributeScores": _by_attribute("AttributeScores", "Scores by the names that were asked for."),
            "languages": _many(_LANGUAGE, "The languages of the request, or the one that was found."),
            "detectedLanguages": _many(_LANGUAGE, "The language that was found."),
            "clientToken": _SAME_TOKEN,
        }
    },
    "SuggestCommentScoreRequest": {
        "properties": {
            **_CONTEXT,
            "attributeScores": _by_attribute("AttributeScores", "The scores that the caller thinks right."),
        }
    },
    "SuggestCommentScoreResponse": {
        "properties": {
            "detectedLanguages": _many(_LANGUAGE, "The language that was found."),
            "requestedLanguages": _many(_LANGUAGE, "The languages of the request."),
            "clientToken": _SAME_TOKEN,
        }
    },
}
_ANALYZE = _method("analyze", "AnalyzeCommentRequest", "AnalyzeCommentResponse", "Scores a comment.")
_SUGGEST = _method(
    "suggestscore",
    "SuggestCommentScoreRequest",
    "SuggestCommentScoreResponse",
    "Takes a better score for a comment; it is checked and counted, not kept.",
)
