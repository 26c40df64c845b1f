"""Scorers by name. A scorer is built once, with settings, and refuses to be built rather than to score wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moderation.errors import ScorerError
from moderation.scoring.contract import Scorer

Settings = Mapping[str, str]
Factory = Callable[[Settings], Scorer]

_factories: dict[str, Factory] = {}


def register(name: str, factory: Factory) -> None:
    if name in _factories:
        raise ScorerError(f"a scorer called {name!r} is registered already")
    _factories[name] = factory


def names() -> list[str]:
    return sorted(_factories)


def build(name: str, settings: Settings | None = None) -> Scorer:
    factory = _factories.get(name)
    if factory is None:
        raise ScorerError(f"there is no scorer called {name!r}; known: {', '.join(names())}")
    return factory(settings or {})


def _embedded(settings: Settings) -> Scorer:
    from moderation.scoring.embedded import EmbeddedScorer

    _refuse_unknown("embedded", settings, ())
    return EmbeddedScorer()


def _careful(settings: Settings) -> Scorer:
    from moderation.scoring.careful import SETTINGS, build_careful

    _refuse_unknown("careful", settings, SETTINGS)
    return build_careful(settings)


def _detoxify(settings: Settings) -> Scorer:
    from moderation.scoring.detoxify import SETTINGS, build_detoxify

    _refuse_unknown("detoxify", settings, SETTINGS)
    return build_detoxify(settings)


def _onnx_detoxify(settings: Settings) -> Scorer:
    from moderation.scoring.onnx_detoxify import SETTINGS, build_onnx_detoxify

    _refuse_unknown("detoxify-onnx", settings, SETTINGS)
    return build_onnx_detoxify(settings)


def _cascade(settings: Settings) -> Scorer:
    from moderation.scoring.cascade import build_cascade

    return build_cascade(settings, build)


def _refuse_unknown(name: str, settings: Settings, known: tuple[str, ...]) -> None:
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ScorerError(f"scorer {name!r} has no setting {', '.join(unknown)}; known: {', '.join(known) or 'none'}")


register("embedded", _embedded)
register("careful", _careful)
register("detoxify", _detoxify)
register("detoxify-onnx", _onnx_detoxify)
register("cascade", _cascade)
