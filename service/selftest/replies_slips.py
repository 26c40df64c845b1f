"""Points to die at, handed out through a folder: the processes of a desk are started by each other, not by the trial.

A point is a file `NUMBER.ROLE.POINT.PASSES`. A process that takes it renames it, which only one can do, and adds its
number; a process that dies of it writes `died` there instead.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from service.selftest.processes import lives
from service.selftest.replies_points import Point

_DIED = "died"
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Slips:
    """The folder. Whoever dies otherwise with a point in hand gives it back, by `give_back`."""

    folder: Path

    def put(self, points: Mapping[str, Sequence[str]], most: Mapping[str, int], rng: Random) -> None:
        """Lays points out by role, each to be passed a random number of times first, at most `most` of its role."""
        self.folder.mkdir(mode=0o700)
        for role, names in points.items():
            for number, name in enumerate(names):
                (self.folder / f"{number:03}.{role}.{name}.{rng.randint(0, most[role])}").touch()

    def take(self, role: str) -> Point | None:
        """The next point for this process; None when none is left."""
        for slip in sorted(self.folder.glob(f"*.{role}.*")):
            number, _, name, passes, *taken = slip.name.split(".")
            if not taken:
                mine = slip.with_name(f"{slip.name}.{os.getpid()}")
                with suppress(FileNotFoundError):  # another was faster
                    slip.rename(mine)
                    return Point(name, int(passes), Random(f"{number} {name}"), (mine, self._whole(mine, _DIED)))
        return None

    def give_back(self) -> None:
        """Lays out again what is held by a process that is dead, and did not die of it."""
        for slip, holder in self._taken():
            if holder != _DIED and not lives(int(holder)):
                with suppress(FileNotFoundError):  # it died of it after we had looked
                    slip.rename(self._whole(slip))

    def died(self) -> Counter[str]:
        """How many processes have died at each point."""
        return Counter(slip.name.split(".")[2] for slip, holder in self._taken() if holder == _DIED)

    def _taken(self) -> Iterator[tuple[Path, str]]:
        for slip in list(self.folder.iterdir()):
            parts = slip.name.split(".")
            if len(parts) > _PARTS:
                yield slip, parts[-1]

    def _whole(self, slip: Path, *more: str) -> Path:
        return slip.with_name(".".join([*slip.name.split(".")[:_PARTS], *more]))
