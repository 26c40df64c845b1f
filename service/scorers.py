"""What the settings say of each scorer, in the words that scorers are built with."""

from __future__ import annotations

from moderation.scoring import registry
from moderation.scoring.contract import Scorer
from service.config import Settings, load_settings

#: Scorers that need to be told something; the others read their files from the package.
CONFIGURED = frozenset({"detoxify", "detoxify-onnx", "cascade"})


def build_scorer(settings: Settings) -> Scorer:
    """The scorer that the settings name. Raises ScorerError saying what is missing."""
    return registry.build(settings.scorer, scorer_settings(settings, settings.scorer))


def scorer_named(name: str) -> Scorer:
    """Any scorer, built as the settings say of it. Raises ScorerError saying what is missing."""
    return registry.build(name, scorer_settings(load_settings(), name) if name in CONFIGURED else {})


def scorer_settings(settings: Settings, name: str) -> dict[str, str]:
    """What the scorer called `name` is built with; nothing for one that needs nothing."""
    if name == "detoxify":
        return detoxify_settings(settings)
    if name == "detoxify-onnx":
        return {"export": settings.detoxify_export, "threads": str(settings.scoring_threads)}
    return _cascade_settings(settings) if name == "cascade" else {}


def detoxify_settings(settings: Settings) -> dict[str, str]:
    """How to load the checkpoint, for the scorer and for the export."""
    return {
        "checkpoint": settings.detoxify_checkpoint,
        "config": settings.detoxify_config,
        "model": settings.detoxify_model,
        "sha256": settings.detoxify_digest,
    }


def _cascade_settings(settings: Settings) -> dict[str, str]:
    """Its own, and those of its members with their names in front."""
    own = {"members": settings.cascade, "bands": settings.cascade_bands, "blend": settings.cascade_blend}
    members = (name.strip() for name in settings.cascade.split(","))
    theirs = {name: scorer_settings(settings, name) for name in members if name != "cascade"}
    return own | {f"{name}.{key}": value for name, given in theirs.items() for key, value in given.items()}
