"""Labels: a short list of words that managers keep, and which of them stand on a case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.db.audit import Entry, append
from service.db.models import Case
from service.db.team_tables import CaseLabel, Label
from service.deps import Deps
from service.usecases.people import Known

#: A list that is longer than this is not read any more.
MOST = 30


@dataclass(frozen=True, slots=True)
class Word:
    """A label, and on how many cases it stands."""

    id: int
    name: str
    cases: int = 0


def add_label(deps: Deps, name: str, actor: str) -> int:
    """Adds a word to the list, or one that was taken off it. Raises BadInput."""
    word, now = " ".join(name.split()), deps.now()
    if not 1 <= len(word) <= 40:
        raise BadInput("A label has 1 to 40 characters.")
    with deps.store.write() as session:
        label = session.scalars(select(Label).where(func.lower(Label.name) == word.lower())).one_or_none()
        if label is not None and label.closed_at is None:
            raise BadInput(f"There is a label “{label.name}” already.")
        if (session.scalar(select(func.count()).select_from(Label).where(Label.closed_at.is_(None))) or 0) >= MOST:
            raise BadInput(f"The list has {MOST} labels already; take one off that nobody needs.")
        if label is None:
            label = Label(name=word, created_at=now)
            session.add(label)
        label.name, label.closed_at = word, None
        session.flush()
        append(session, deps.vault, Entry("label:add", actor, f"label:{label.id}", after={"name": word}), now)
        return label.id


def close_label(deps: Deps, label_id: int, actor: str) -> None:
    """Takes a word off the list; where it stands on a case it stays."""
    with deps.store.write() as session:
        open_label(session, label_id).closed_at = deps.now()
        append(session, deps.vault, Entry("label:close", actor, f"label:{label_id}"), deps.now())


def labels(deps: Deps) -> list[Word]:
    """The list, by name."""
    counted = select(CaseLabel.label_id, func.count().label("cases")).group_by(CaseLabel.label_id).subquery()
    query = select(Label, counted.c.cases).outerjoin(counted, counted.c.label_id == Label.id)
    with deps.store.read() as session:
        rows = session.execute(query.where(Label.closed_at.is_(None)).order_by(func.lower(Label.name))).all()
        return [Word(label.id, label.name, cases or 0) for label, cases in rows]


def set_labels(deps: Deps, case_id: int, wanted: Collection[int], person: Known) -> None:
    """Makes these the case's labels; of the words that are off the list, those it has stay."""
    now = deps.now()
    with deps.store.write() as session:
        if session.get(Case, case_id) is None:
            raise BadInput("There is no such case.")
        listed = set(session.scalars(select(Label.id).where(Label.closed_at.is_(None))))
        if not set(wanted) <= listed:
            raise BadInput("There is no such label on the list.")
        has = _on(session, case_id)
        gone, new = (has & listed) - set(wanted), set(wanted) - has
        if gone or new:
            session.execute(delete(CaseLabel).where(CaseLabel.case_id == case_id, CaseLabel.label_id.in_(gone)))
            rows = [CaseLabel(case_id=case_id, label_id=i, person_id=person.id, at=now) for i in sorted(new)]
            session.add_all(rows)
            change = {"labels": sorted(has)}, {"labels": sorted((has - gone) | new)}
            append(session, deps.vault, Entry("case:labels", person.actor, f"case:{case_id}", "", *change), now)


def put_label(session: Session, deps: Deps, case_id: int, label_id: int, person: Known) -> bool:
    """Adds one label in the caller's transaction; False when it is there already."""
    if session.get(CaseLabel, (case_id, label_id)) is not None:
        return False
    session.add(CaseLabel(case_id=case_id, label_id=label_id, person_id=person.id, at=deps.now()))
    session.flush()
    entry = Entry("case:labels", person.actor, f"case:{case_id}", after={"added": label_id})
    append(session, deps.vault, entry, deps.now())
    return True


def drop_label(session: Session, deps: Deps, case_id: int, label_id: int, person: Known) -> bool:
    """Takes one label off in the caller's transaction; False when it is not there."""
    row = session.get(CaseLabel, (case_id, label_id))
    if row is None:
        return False
    session.delete(row)
    session.flush()
    entry = Entry("case:labels", person.actor, f"case:{case_id}", before={"dropped": label_id})
    append(session, deps.vault, entry, deps.now())
    return True


def open_label(session: Session, label_id: int) -> Label:
    """A label that is on the list. Raises BadInput."""
    label = session.get(Label, label_id)
    if label is None or label.closed_at is not None:
        raise BadInput("There is no such label on the list.")
    return label


def _on(session: Session, case_id: int) -> set[int]:
    return set(session.scalars(select(CaseLabel.label_id).where(CaseLabel.case_id == case_id)))
