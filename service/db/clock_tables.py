"""Tables of clocks: business hours, targets and how the customer felt."""

from __future__ import annotations
