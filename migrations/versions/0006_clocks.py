"""Clocks: business hours and targets, steps taken as time ran out, what became of each conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "community_clock",
        sa.Column(
            "community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("week", sa.JSON(), nullable=False),
        sa.Column("holidays", sa.JSON(), nullable=False),
        sa.Column("response", sa.Integer(), nullable=True),
        sa.Column("resolution", sa.Integer(), nullable=True),
        sa.Column("ladder", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_community_clock_community_id")),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_community_clock")),
    )
    op.create_table(
        "outcome",
        sa.Column(
            "thread_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("dirty", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("brand_after", sa.Double(), nullable=True),
        sa.Column("community_after", sa.Double(), nullable=True),
        sa.Column("accepted_after", sa.Double(), nullable=True),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("answered_by", sa.String(length=10), nullable=False),
        sa.Column("feeling_start", sa.Double(), nullable=True),
        sa.Column("feeling_end", sa.Double(), nullable=True),
        sa.Column("asked_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_outcome_thread_id")),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_outcome")),
    )
    with op.batch_alter_table("outcome", schema=None) as batch_op:
        batch_op.create_index("ix_outcome_asked", ["asked_at"], unique=False)
        batch_op.create_index("ix_outcome_dirty", ["dirty", "thread_id"], unique=False)

    op.create_table(
        "clock_step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_clock_step_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_clock_step_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_step")),
        sa.UniqueConstraint("case_id", "kind", "since", "step", name=op.f("uq_clock_step_case_id_kind_since_step")),
    )
    with op.batch_alter_table("clock_step", schema=None) as batch_op:
        batch_op.create_index("ix_clock_step_person", ["person_id", "at"], unique=False)
    _sum_up_later()


def _sum_up_later() -> None:
    """Every conversation that is there waits to be summed up."""
    names = ("thread_id", "dirty", "topic", "answered_by", "told", "messages", "scored")
    rows = "SELECT id, 1, '', '', false, 0, 0 FROM thread"
    op.execute(sa.text(f"INSERT INTO outcome ({', '.join(names)}) {rows}"))


def downgrade() -> None:
    with op.batch_alter_table("clock_step", schema=None) as batch_op:
        batch_op.drop_index("ix_clock_step_person")

    op.drop_table("clock_step")
    with op.batch_alter_table("outcome", schema=None) as batch_op:
        batch_op.drop_index("ix_outcome_dirty")
        batch_op.drop_index("ix_outcome_asked")

    op.drop_table("outcome")
    op.drop_table("community_clock")
