"""Grants from proposal to end: who may take which step, what is written, what an end takes away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from moderation.errors import BadInput, NotAllowed
from moderation.grants import GrantState
from service.auth.external.proof import Proof, Provider, Trouble
from service.db.audit import verify
from service.db.identity_tables import Identity
from service.db.models import AuditEntry, Author
from service.usecases import grants
from service.usecases.granted import grant, mine
from service.usecases.identities import enter_by, link
from service.usecases.people import create_person
from tests.service.grants_support import PASSWORD, Trust, known, trusted


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    with trusted(tmp_path_factory.mktemp("grants")) as found:
        yield found


def test_only_a_manager_proposes_and_offers(trust: Trust) -> None:
    create_person(trust.deps, "rita", "responder", PASSWORD)
    rita, terms = known(trust.deps, "rita"), grants.Terms(trust.author_id, trust.community_id, "keeper")
    for nobody in (rita, trust.expert()):
        with pytest.raises(NotAllowed):
            grants.propose(trust.deps, terms, nobody)
    grant_id = trust.proposed()
    for nobody in (rita, trust.expert()):
        with pytest.raises(NotAllowed):
            grants.offer(trust.deps, grant_id, "Yes?", nobody)
    assert trust.state(grant_id) is GrantState.PROPOSED


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"template": "king"}, "no template"),
        ({"days": 181}, "180 days"),
        ({"days": 0}, "180 days"),
        ({"capabilities": ["suspend"]}, "cannot be given"),
        ({"capabilities": ["rule"]}, "does not exist"),
        ({"capabilities": []}, "at least one"),
        ({"silence_hours": 10_000}, "longest time"),
    ],
)
def test_terms_that_must_never_be_offered_are_refused(trust: Trust, terms: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        trust.proposed(**terms)  # type: ignore[arg-type]


def test_the_brands_own_are_never_given_a_grant(trust: Trust) -> None:
    with trust.deps.store.read() as session:
        ours = session.scalars(select(Author.id).where(Author.role.in_(("staff", "brand")))).first()
    assert ours is not None
    with pytest.raises(BadInput, match="independent"):
        grants.propose(trust.deps, grants.Terms(ours, trust.community_id, "keeper"), trust.manager)


def test_only_the_very_author_accepts(trust: Trust) -> None:
    grant_id = trust.offered()
    create_person(trust.deps, "nemo", "rock_star", PASSWORD)
    for somebody in (known(trust.deps, "nemo"), trust.manager):
        for answer in (grants.accept, grants.decline):
            with pytest.raises(NotAllowed, match="who is this author"):
                answer(trust.deps, grant_id, somebody)
    assert trust.state(grant_id) is GrantState.OFFERED


@pytest.mark.parametrize("subject", ["", "1", "expert"])
def test_a_name_or_another_server_proves_nothing(trust: Trust, subject: str) -> None:
    """The same handle elsewhere, or another account here, is another author."""
    name = f"false{len(subject)}"
    create_person(trust.deps, name, "rock_star", PASSWORD)
    elsewhere = Proof(Provider.DISCOURSE, "http://elsewhere.example", trust.remote_id, trust.handle)
    link(trust.deps, known(trust.deps, name), elsewhere if not subject else proof(trust, f"x{subject}", trust.handle))
    with pytest.raises(NotAllowed, match="who is this author"):
        grants.accept(trust.deps, trust.offered(), known(trust.deps, name))
    if not subject:
        with trust.deps.store.write() as session:  # for the next test the identity is free again
            session.delete(session.scalars(select(Identity).where(Identity.issuer == elsewhere.issuer)).one())


def proof(trust: Trust, subject: str, handle: str) -> Proof:
    return Proof(Provider.DISCOURSE, trust.desk.box.url, subject, handle)


def test_nobody_gives_or_gives_back_to_themselves(trust: Trust) -> None:
    create_person(trust.deps, "boss", "manager", PASSWORD)
    with trust.deps.store.write() as session:
        author = Author(
            connection_id=trust.desk.connection_id,
            remote_id="990017",
            handle="boss",
            first_seen_at=trust.deps.now(),
        )
        session.add(author)
        session.flush()
        author_id = author.id
    boss = known(trust.deps, "boss")
    link(trust.deps, boss, proof(trust, "990017", "boss"))
    with pytest.raises(NotAllowed, match="themselves"):
        grants.propose(trust.deps, grants.Terms(author_id, trust.community_id, "keeper"), boss)


def test_an_accepted_grant_begins_and_ends_and_is_the_holders(trust: Trust) -> None:
    grant_id = trust.active(days=30)
    shown = grant(trust.deps, grant_id)
    assert shown.state is GrantState.ACTIVE
    assert shown.starts_at is not None
    assert shown.ends_at is not None
    assert (shown.ends_at - shown.starts_at).days == 30
    assert [g.id for g in trust.expert().grants] == [grant_id]
    assert grant_id in {one.id for one in mine(trust.deps, trust.expert())}
    grants.revoke(trust.deps, grant_id, trust.expert(), "I have no time any more.")
    assert trust.expert().grants == ()


def test_an_end_is_an_end(trust: Trust) -> None:
    grant_id = trust.active()
    grants.revoke(trust.deps, grant_id, trust.manager, "Rude to a customer.")
    for step in (grants.suspend, grants.resume, grants.revoke):
        with pytest.raises(NotAllowed, match="cannot be taken"):
            step(trust.deps, grant_id, trust.manager, "Again.")
    with pytest.raises(NotAllowed):
        grants.accept(trust.deps, grant_id, trust.expert())


def test_suspending_takes_the_rights_and_resuming_gives_them_back(trust: Trust) -> None:
    grant_id = trust.active()
    with pytest.raises(NotAllowed):
        grants.suspend(trust.deps, grant_id, trust.expert(), "Me?")
    with pytest.raises(BadInput, match="why"):
        grants.suspend(trust.deps, grant_id, trust.manager, "  ")
    grants.suspend(trust.deps, grant_id, trust.manager, "A look at what happened.")
    assert trust.expert().grants == ()
    grants.resume(trust.deps, grant_id, trust.manager, "All was well.")
    assert [g.id for g in trust.expert().grants] == [grant_id]
    grants.revoke(trust.deps, grant_id, trust.manager, "Test over.")


def test_a_late_yes_is_none(trust: Trust) -> None:
    grant_id = trust.offered()
    trust.desk.clock.pass_(days=31)
    with pytest.raises(NotAllowed, match="has ended"):
        grants.accept(trust.deps, grant_id, trust.expert())
    grants.expire_due(trust.deps)
    assert trust.state(grant_id) is GrantState.EXPIRED


def test_a_grant_ends_by_itself(trust: Trust) -> None:
    grant_id = trust.active(days=1)
    trust.desk.clock.pass_(days=2)
    assert not any(one.holds(trust.deps.now()) for one in trust.expert().grants)
    grants.expire_due(trust.deps)
    assert trust.state(grant_id) is GrantState.EXPIRED


def test_every_step_is_in_the_audit_log_and_the_chain_holds(trust: Trust) -> None:
    grant_id = trust.active()
    grants.revoke(trust.deps, grant_id, trust.manager, "Done.")
    with trust.deps.store.read() as session:
        kinds = session.scalars(
            select(AuditEntry.kind).where(AuditEntry.subject == f"grant:{grant_id}").order_by(AuditEntry.seq)
        ).all()
        assert not verify(session, trust.deps.vault)
    assert list(kinds) == ["grant:propose", "grant:offer", "grant:accept", "grant:revoke"]


def test_whoever_was_offered_a_grant_may_come_in_and_a_stranger_may_not(trust: Trust) -> None:
    """Newcomers are not let in here; the one to whom something was offered is, with nothing but the right to answer."""
    with trust.deps.store.write() as session:
        where = {"connection_id": trust.desk.connection_id, "first_seen_at": trust.deps.now()}
        author = Author(remote_id="990018", handle="nadia", **where)
        session.add(author)
        session.flush()
        author_id = author.id
    nadia = proof(trust, "990018", "nadia")
    with pytest.raises(Trouble):
        enter_by(trust.deps, nadia)
    grant_id = grants.propose(trust.deps, grants.Terms(author_id, trust.community_id, "answerer"), trust.manager)
    with pytest.raises(Trouble):
        enter_by(trust.deps, nadia)
    grants.offer(trust.deps, grant_id, "Will you?", trust.manager)
    with pytest.raises(Trouble):
        enter_by(trust.deps, proof(trust, "990019", "nadia"))
    known_now = enter_by(trust.deps, nadia)
    assert (known_now.role, known_now.grants) == ("rock_star", ())
    grants.accept(trust.deps, grant_id, known_now)
    assert trust.state(grant_id) is GrantState.ACTIVE
