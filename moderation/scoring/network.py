"""The weights of a classifier of the BERT family, read from its `transformers` module: what a graph is written from.

Families: BERT (Devlin et al., 2019), RoBERTa and XLM-R (Liu et al., 2019; Conneau et al., 2020), ALBERT (Lan et al.,
2020). They share one block: attention, sum and norm, two dense layers, sum and norm; ALBERT uses one block many times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError

Floats = npt.NDArray[np.float32]
FAMILIES = ("albert", "bert", "roberta", "xlm-roberta")
GELUS = {"gelu": True, "gelu_new": False}


@dataclass(frozen=True, slots=True)
class Dense:
    """`weight` is [inputs, outputs], `bias` [outputs]."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    scale: Floats
    shift: Floats


@dataclass(frozen=True, slots=True)
class Block:
    query: Dense
    key: Dense
    value: Dense
    attended: Dense
    attended_norm: Norm
    inner: Dense
    outer: Dense
    outer_norm: Norm


@dataclass(frozen=True, slots=True)
class Network:
    """`words` [vocabulary, width]; `places` [longest text, width] with the row of the first segment added.

    `widening` is ALBERT's step from narrow words to the blocks. `exact_gelu` is false for the tanh form of GELU.
    """

    words: Floats
    places: Floats
    embedded_norm: Norm
    widening: Dense | None
    blocks: tuple[Block, ...]
    pooled: Dense
    classes: Dense
    heads: int
    epsilon: float
    exact_gelu: bool


def read_network(model: Any) -> Network:
    """From a `...ForSequenceClassification` module. Raises ScorerError for another family or activation."""
    config = model.config
    if config.model_type not in FAMILIES or config.hidden_act not in GELUS:
        raise ScorerError(f"networks of the kind {config.model_type} ({config.hidden_act}) cannot be exported")
    base = getattr(model, model.base_model_prefix)
    embeddings = base.embeddings
    return Network(
        words=_array(embeddings.word_embeddings.weight),
        places=_places(embeddings, 0 if config.model_type in ("albert", "bert") else config.pad_token_id + 1),
        embedded_norm=_norm(embeddings.LayerNorm),
        widening=_dense(base.encoder.embedding_hidden_mapping_in) if config.model_type == "albert" else None,
        blocks=_albert_blocks(base.encoder) if config.model_type == "albert" else _blocks(base.encoder),
        **_head(model, base),
        heads=config.num_attention_heads,
        epsilon=config.layer_norm_eps,
        exact_gelu=GELUS[config.hidden_act],
    )


def _places(embeddings: Any, offset: int) -> Floats:
    """RoBERTa counts places from after its padding token's."""
    segment = _array(embeddings.token_type_embeddings.weight)[0]
    found: Floats = _array(embeddings.position_embeddings.weight)[offset:] + segment
    return found


def _blocks(encoder: Any) -> tuple[Block, ...]:
    return tuple(
        Block(
            query=_dense(layer.attention.self.query),
            key=_dense(layer.attention.self.key),
            value=_dense(layer.attention.self.value),
            attended=_dense(layer.attention.output.dense),
            attended_norm=_norm(layer.attention.output.LayerNorm),
            inner=_dense(layer.intermediate.dense),
            outer=_dense(layer.output.dense),
            outer_norm=_norm(layer.output.LayerNorm),
        )
        for layer in encoder.layer
    )


def _albert_blocks(encoder: Any) -> tuple[Block, ...]:
    """One group of one layer, as every published ALBERT has it."""
    (group,) = encoder.albert_layer_groups
    (layer,) = group.albert_layers
    block = Block(
        query=_dense(layer.attention.query),
        key=_dense(layer.attention.key),
        value=_dense(layer.attention.value),
        attended=_dense(layer.attention.dense),
        attended_norm=_norm(layer.attention.LayerNorm),
        inner=_dense(layer.ffn),
        outer=_dense(layer.ffn_output),
        outer_norm=_norm(layer.full_layer_layer_norm),
    )
    return (block,) * int(encoder.config.num_hidden_layers)


def _head(model: Any, base: Any) -> dict[str, Dense]:
    if hasattr(model.classifier, "out_proj"):
        return {"pooled": _dense(model.classifier.dense), "classes": _dense(model.classifier.out_proj)}
    pooler = base.pooler.dense if hasattr(base.pooler, "dense") else base.pooler
    return {"pooled": _dense(pooler), "classes": _dense(model.classifier)}


def _dense(layer: Any) -> Dense:
    return Dense(np.ascontiguousarray(_array(layer.weight).T), _array(layer.bias))


def _norm(layer: Any) -> Norm:
    return Norm(_array(layer.weight), _array(layer.bias))


def _array(tensor: Any) -> Floats:
    found: Floats = tensor.detach().float().numpy()
    return found
