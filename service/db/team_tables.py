"""Tables of teams, what is routed to them, notes, labels and who looks at what."""

from __future__ import annotations
