"""What the API says of whether it helped."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from service.api.shapes import Id, In, Out


class HelpedQuery(In):
    """`days` back from now in which a conversation began."""

    days: int = Field(28, ge=1, le=366)
    community: Id | SkipJsonSchema[None] = None


class FigureOut(Out):
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float


class ShareOut(Out):
    """`count` of `of`, with the 95% interval of the share; null where there is nothing to count."""

    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None


class MovesOut(Out):
    """Of `started` conversations, `ended` came back with a word; sentiment from -1 to 1, means over these."""

    started: int
    ended: int
    up: int
    same: int
    down: int
    up_share: ShareOut
    same_share: ShareOut
    down_share: ShareOut
    start: float | None
    end: float | None
    change: FigureOut | None


class AskedBackOut(MovesOut):
    """Where the brand asked in public whether it helped; `told` of them said something after it."""

    told: int


class WaitsOut(Out):
    """Medians; `business_seconds` count when the community is attended."""

    count: int
    seconds: FigureOut | None
    business_seconds: FigureOut | None


class FeelingsOut(Out):
    """Around the brand's first answer, and around the community's where the brand said nothing."""

    brand: MovesOut
    community: MovesOut


class FirstResponseOut(Out):
    brand: WaitsOut
    community: WaitsOut


class MetOut(Out):
    response: ShareOut
    resolution: ShareOut


class FiguresOut(Out):
    conversations: int
    feelings: FeelingsOut
    asked_back: AskedBackOut
    first_response: FirstResponseOut
    resolution: WaitsOut
    community_within_hour: ShareOut
    targets_met: MetOut


class GroupOut(FiguresOut):
    """A community, or one topic in it: "" where nothing stands out, null for the community as a whole."""

    community_id: int
    community: str
    connection: str
    topic: str | None
    open_overdue: int


class TeamOut(FiguresOut):
    """Conversations whose case is a team's now; null and "" for those that no team has."""

    team_id: int | None
    team: str


class CoverageOut(Out):
    """Messages taken in and scored, deliveries that wait or could not be read (counted only over all communities)."""

    scored: int
    stored: int
    waiting: int
    dead: int
    share: ShareOut


class HelpedOut(FiguresOut):
    """`uncounted` conversations changed and are not summed up anew yet."""

    since: datetime
    until: datetime
    uncounted: int
    open_with_target: int
    open_overdue: int
    coverage: CoverageOut
    communities: list[GroupOut]
    topics: list[GroupOut]
    teams: list[TeamOut]
