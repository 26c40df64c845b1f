"""The NodeBB API, the chat: rooms of two or more, and what is said in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakKeyDictionary

from flask.typing import ResponseReturnValue

from service.sandbox.nodebb import api, board, body, ok
from service.sandbox.nodebb_rules import NO_RIGHT, ApiError
from service.sandbox.nodebb_shapes import Json, brief, ms, parsed
from service.sandbox.requests import world
from service.sandbox.world import World

MOST = 1_000


@dataclass(frozen=True, slots=True)
class Said:
    mid: int
    uid: int
    text: str
    at: datetime


@dataclass(slots=True)
class Room:
    id: int
    people: set[int]
    public: bool = False
    said: list[Said] = field(default_factory=list)


_ROOMS: WeakKeyDictionary[World, dict[int, Room]] = WeakKeyDictionary()


def rooms_of(world: World) -> dict[int, Room]:
    """The rooms that belong to a world; none at first."""
    return _ROOMS.setdefault(world, {})


def rooms() -> dict[int, Room]:
    return rooms_of(world())


@api.get("/api/v3/users/<int:uid>/chat")
def shared_room(uid: int) -> ResponseReturnValue:
    both = {board().me().id, board().user(uid).id}
    found = next((room.id for room in rooms().values() if room.people == both and not room.public), None)
    return ok({"roomId": found})


@api.post("/api/v3/chats/")
def open_room() -> ResponseReturnValue:
    me, uids = board().me(), body().get("uids")
    if not isinstance(uids, list) or not uids:
        raise ApiError(400, "Required parameters were missing from this API call: uids")
    people = {board().user(int(uid)).id for uid in uids} | {me.id}
    made = Room(len(rooms()) + 1, people)
    rooms()[made.id] = made
    return ok(_about(made))


@api.get("/api/v3/chats/<int:room_id>")
def show_room(room_id: int) -> ResponseReturnValue:
    room = _own(room_id)
    return ok(_about(room) | {"messages": [_message(room, one) for one in room.said[-50:]]})


@api.post("/api/v3/chats/<int:room_id>")
def say(room_id: int) -> ResponseReturnValue:
    room, text = _own(room_id), body().get("message")
    if not isinstance(text, str) or not text.strip():
        raise ApiError(400, "Invalid chat message")
    if len(text) > MOST:
        raise ApiError(400, f"Chat messages cannot be longer than {MOST} characters")
    mid = sum(len(one.said) for one in rooms().values()) + 1
    room.said.append(Said(mid, board().me().id, text, world().now()))
    return ok(_message(room, room.said[-1]))


@api.get("/api/v3/chats/<int:room_id>/messages/<int:mid>/raw")
def raw(room_id: int, mid: int) -> ResponseReturnValue:
    found = next((one for one in _own(room_id).said if one.mid == mid), None)
    if found is None:
        raise ApiError(404, "Chat message does not exist")
    return ok({"content": found.text})


def _own(room_id: int) -> Room:
    room = rooms().get(room_id)
    if room is None:
        raise ApiError(404, "Chat room does not exist")
    if board().me().id not in room.people:
        raise ApiError(403, NO_RIGHT)
    return room


def _about(room: Room) -> Json:
    users = [brief(board().user(uid)) for uid in sorted(room.people)]
    return {
        "roomId": room.id,
        "roomName": "",
        "public": room.public,
        "groupChat": len(users) > 2,
        "userCount": len(users),
        "users": users,
    }


def _message(room: Room, said: Said) -> Json:
    return {
        "messageId": said.mid,
        "mid": said.mid,
        "roomId": room.id,
        "fromuid": said.uid,
        "content": parsed(board(), said.text),
        "timestamp": ms(said.at),
        "fromUser": brief(board().user(said.uid)),
    }
