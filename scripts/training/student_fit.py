"""Fine-tuning the student: AdamW, a warm-up and a cosine, and the mean of the weights it passes through at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

from moderation.scoring.encoder import JUDGED
from training.corpora import Example
from training.student import OUTPUTS, Student
from training.student_data import TOGETHER, Batch, Texts, draw

Floats = npt.NDArray[np.float32]
IMPORTANCE = {"toxicity": 1.0, "urgency": 1.0, "sentiment": 0.4}
OTHERS, TONGUES = 0.2, 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """`draws` texts in all; learning rates of layers and heads; of the last part, `averaged`, the mean is kept."""

    draws: int = 90_000
    rate: float = 2e-4
    head_rate: float = 2e-3
    depth_decay: float = 0.85
    warm_up: float = 0.06
    decay: float = 0.02
    averaged: float = 0.4
    seed: int = 11


def fit(student: Student, examples: Sequence[Example], texts: Texts, plan: Plan) -> None:
    random = Random(plan.seed)
    torch.manual_seed(plan.seed)
    sentencepiece.set_random_generator_seed(plan.seed)
    optimizer = torch.optim.AdamW(_groups(student, plan), weight_decay=plan.decay)
    steps = math.ceil(plan.draws / TOGETHER)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step / steps, plan.warm_up))
    average = torch.optim.swa_utils.AveragedModel(student)
    student.train()
    began, lost = time.monotonic(), 0.0
    for step, batch in enumerate(texts.training(draw(examples, plan.draws, random), random)):
        lost += 0.02 * (_step(student, batch, optimizer) - lost) if step else _step(student, batch, optimizer)
        schedule.step()
        if step >= (1 - plan.averaged) * steps and step % 10 == 0:
            average.update_parameters(student)
        if step % 50 == 0:
            print(f"  step {step} of {steps}, loss {lost:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    student.load_state_dict(average.module.state_dict())
    student.eval()


def _groups(student: Student, plan: Plan) -> list[dict[str, object]]:
    """The lower a layer, the slower it moves: what it knows of words in general shall last."""
    layers = list(student.encoder.layers)
    groups: list[dict[str, object]] = [
        {"params": list(layer.parameters()), "lr": plan.rate * plan.depth_decay ** (len(layers) - 1 - depth)}
        for depth, layer in enumerate(layers)
    ]
    heads = [*student.attention.parameters(), *student.value.parameters()]
    low = [student.encoder.positions, *student.encoder.norm.parameters()]
    return [*groups, {"params": heads, "lr": plan.head_rate}, {"params": low, "lr": plan.rate * 0.3}]


def _pace(done: float, warm_up: float) -> float:
    if done < warm_up:
        return done / warm_up
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def _step(student: Student, batch: Batch, optimizer: torch.optim.Optimizer) -> float:
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, _ = student(batch.tokens, batch.mask)
    loss = cost(logits.float(), batch)
    loss.backward()
    nn.utils.clip_grad_norm_(student.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def cost(logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy with soft targets; each head by its importance, and as the mean over the texts that teach it."""
    each = F.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none") * batch.weights
    mean = each.sum(0) / batch.weights.sum(0).clamp(min=1.0)
    known = [IMPORTANCE.get(head, OTHERS) for head in JUDGED]
    return (mean * torch.tensor(known + [TONGUES] * (OUTPUTS - len(known)))).sum()


def logits_of(student: Student, texts: Texts, written: Sequence[str]) -> Floats:
    """(texts, outputs), in order."""
    found = np.zeros((len(written), OUTPUTS), np.float32)
    with torch.no_grad():
        for places, tokens, mask in texts.padded(written):
            found[places] = student(tokens, mask)[0].numpy()
    return found
