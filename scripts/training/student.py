"""The careful scorer's network: the first layers of multilingual-e5-small with a head for each thing it judges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

from moderation.scoring.encoder import JUDGED, LANGUAGES
from training.student_source import Source

WIDTH, HEADS, INNER = 384, 12, 1536
OUTPUTS = len(JUDGED) + len(LANGUAGES)
_LINEARS = {"query": "q", "key": "k", "value": "v", "mixed": "ao", "inner": "fi", "outer": "fo"}
_NORMS = {"norm_attention": "aln", "norm_output": "oln"}


class Layer(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """One layer of BERT (Devlin et al. 2019): attention, then two matrices, each added and normalised."""

    def __init__(self, epsilon: float, dropout: float) -> None:
        super().__init__()
        self.query, self.key, self.value, self.mixed = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm_attention, self.norm_output = (nn.LayerNorm(WIDTH, epsilon) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """`states` (texts, tokens, WIDTH); `mask` (texts, 1, 1, tokens) is true where a token stands."""
        shape = (*states.shape[:2], HEADS, WIDTH // HEADS)
        query, key, value = (part(states).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        found = self.mixed(found.transpose(1, 2).reshape(states.shape))
        states = self.norm_attention(states + self.dropout(found))
        grown = self.outer(F.gelu(self.inner(states)))
        normed: Tensor = self.norm_output(states + self.dropout(grown))
        return normed


class Encoder(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """Token numbers -> states of the tokens. `rows` are the rows of the source's table that are kept, in order."""

    def __init__(
        self, source: Source, rows: Sequence[int], layers: Sequence[int], longest: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        tensors = source.tensors
        position = tensors["emb.pos"][:longest] + tensors["emb.type"][:WIDTH]
        self.words = nn.Embedding.from_pretrained(torch.from_numpy(tensors["emb.word"][list(rows)]), freeze=True)
        self.positions = nn.Parameter(torch.from_numpy(position))
        self.norm = nn.LayerNorm(WIDTH, source.epsilon)
        self.layers = nn.ModuleList(Layer(source.epsilon, dropout) for _ in layers)
        self.dropout = nn.Dropout(dropout)
        self._take(source, layers)

    def _take(self, source: Source, layers: Sequence[int]) -> None:
        def copy(module: nn.Module, name: str) -> None:
            for ending, mine in (("w", "weight"), ("b", "bias")):
                getattr(module, mine).data.copy_(torch.from_numpy(np.array(source.tensors[f"{name}.{ending}"])))

        copy(self.norm, "emb.ln")
        for number, layer in zip(layers, self.layers, strict=True):
            for mine, name in (_LINEARS | _NORMS).items():
                copy(getattr(layer, mine), f"l{number}.{name}")

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """`tokens` (texts, tokens) and `mask` of the same shape -> (texts, tokens, WIDTH)."""
        states = self.dropout(self.norm(self.words(tokens) + self.positions[: tokens.shape[1]]))
        for layer in self.layers:
            states = layer(states, mask[:, None, None, :])
        return states


class Student(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """Each output reads the tokens with an attention of its own, so that its sum falls apart into theirs exactly."""

    def __init__(self, encoder: Encoder, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.attention = nn.Linear(WIDTH, OUTPUTS, bias=False)
        self.value = nn.Linear(WIDTH, OUTPUTS)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.attention.weight)
        nn.init.normal_(self.value.weight, std=0.02)
        nn.init.zeros_(self.value.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (texts, OUTPUTS), and what each token adds to them (texts, tokens, OUTPUTS), bias apart."""
        states = self.dropout(self.encoder(tokens, mask))
        heed = self.attention(states).float().masked_fill(~mask[:, :, None], -1e4).softmax(1)
        added = heed * F.linear(states, self.value.weight).float()
        return added.sum(1) + self.value.bias, added
