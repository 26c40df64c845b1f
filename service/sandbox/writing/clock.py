"""When people write: days are busy, nights are not, and nobody writes after `now`."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log
from random import Random

STORY_DAYS = 40
# How awake the community is, hour by hour in UTC: mostly Europe, with an American evening.
_AWAKE = (4, 3, 2, 2, 3, 6, 12, 18, 20, 18, 16, 16, 18, 17, 15, 15, 16, 18, 20, 20, 17, 13, 9, 6)


def opening_time(rng: Random, now: datetime) -> datetime:
    while True:
        at = now - timedelta(seconds=rng.randrange(180, STORY_DAYS * 86400))
        if rng.random() * max(_AWAKE) < _AWAKE[at.hour]:
            return at


def reply_time(rng: Random, after: datetime, median_minutes: float) -> datetime:
    at = after + timedelta(minutes=0.5 + rng.lognormvariate(log(median_minutes), 1.0))
    if _AWAKE[at.hour] > 6 or rng.random() < 0.2:
        return at
    return at + timedelta(hours=(6 - at.hour) % 24, minutes=rng.randrange(10, 200))
