"""Reputation: what each author did in each thread, who praised whom, and what it comes to by area."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("trust_product",
    sa.Column("name", sa.String(length=80), nullable=False),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("name", name=op.f("pk_trust_product"))
    )
    op.create_table("trust_author",
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("dirty", sa.Integer(), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_trust_author_author_id")),
    sa.PrimaryKeyConstraint("author_id", name=op.f("pk_trust_author"))
    )
    with op.batch_alter_table("trust_author", schema=None) as batch_op:
        batch_op.create_index("ix_trust_author_dirty", ["dirty", "author_id"], unique=False)
        batch_op.create_index("ix_trust_author_made", ["made_at"], unique=False)

    op.create_table("trust_mark",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("domain", sa.String(length=255), nullable=False),
    sa.Column("kind", sa.String(length=10), nullable=False),
    sa.Column("area", sa.String(length=120), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("marked_by", sa.String(length=80), nullable=False),
    sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_trust_mark_author_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_mark"))
    )
    with op.batch_alter_table("trust_mark", schema=None) as batch_op:
        batch_op.create_index("ix_trust_mark_author", ["author_id"], unique=False)

    op.create_table("trust_standing",
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("area", sa.String(length=120), nullable=False),
    sa.Column("score", sa.Double(), nullable=False),
    sa.Column("facts", sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_trust_standing_author_id")),
    sa.PrimaryKeyConstraint("author_id", "area", name=op.f("pk_trust_standing"))
    )
    with op.batch_alter_table("trust_standing", schema=None) as batch_op:
        batch_op.create_index("ix_trust_standing_area", ["area", "score", "author_id"], unique=False)

    op.create_table("trust_deed",
    sa.Column("thread_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("asker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("began", sa.DateTime(timezone=True), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("posts", sa.Integer(), nullable=False),
    sa.Column("weeks", sa.JSON(), nullable=False),
    sa.Column("toxic", sa.Integer(), nullable=False),
    sa.Column("toxic_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("answered", sa.Boolean(), nullable=False),
    sa.Column("accepted", sa.Boolean(), nullable=False),
    sa.Column("thanked", sa.Boolean(), nullable=False),
    sa.Column("passed_over", sa.Boolean(), nullable=False),
    sa.Column("delay", sa.Double(), nullable=True),
    sa.Column("calmed", sa.Boolean(), nullable=True),
    sa.Column("best", sa.String(length=300), nullable=False),
    sa.ForeignKeyConstraint(["asker_id"], ["author.id"], name=op.f("fk_trust_deed_asker_id")),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_trust_deed_author_id")),
    sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_trust_deed_thread_id")),
    sa.PrimaryKeyConstraint("thread_id", "author_id", name=op.f("pk_trust_deed"))
    )
    with op.batch_alter_table("trust_deed", schema=None) as batch_op:
        batch_op.create_index("ix_trust_deed_asker", ["asker_id"], unique=False)
        batch_op.create_index("ix_trust_deed_author", ["author_id", "at"], unique=False)

    op.create_table("trust_praise",
    sa.Column("thread_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("giver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("accepted", sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_trust_praise_author_id")),
    sa.ForeignKeyConstraint(["giver_id"], ["author.id"], name=op.f("fk_trust_praise_giver_id")),
    sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_trust_praise_thread_id")),
    sa.PrimaryKeyConstraint("thread_id", "giver_id", "author_id", name=op.f("pk_trust_praise"))
    )
    with op.batch_alter_table("trust_praise", schema=None) as batch_op:
        batch_op.create_index("ix_trust_praise_author", ["author_id", "at"], unique=False)
        batch_op.create_index("ix_trust_praise_giver", ["giver_id"], unique=False)

    op.create_table("trust_thread",
    sa.Column("thread_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("dirty", sa.Integer(), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("areas", sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_trust_thread_thread_id")),
    sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_trust_thread"))
    )
    with op.batch_alter_table("trust_thread", schema=None) as batch_op:
        batch_op.create_index("ix_trust_thread_dirty", ["dirty", "thread_id"], unique=False)

    # What was read before is read for this, too.
    op.execute(sa.text("INSERT INTO trust_thread (thread_id, dirty, areas) SELECT id, 1, '[]' FROM thread"))



def downgrade() -> None:
    with op.batch_alter_table("trust_thread", schema=None) as batch_op:
        batch_op.drop_index("ix_trust_thread_dirty")

    op.drop_table("trust_thread")
    with op.batch_alter_table("trust_praise", schema=None) as batch_op:
        batch_op.drop_index("ix_trust_praise_giver")
        batch_op.drop_index("ix_trust_praise_author")

    op.drop_table("trust_praise")
    with op.batch_alter_table("trust_deed", schema=None) as batch_op:
        batch_op.drop_index("ix_trust_deed_author")
        batch_op.drop_index("ix_trust_deed_asker")

    op.drop_table("trust_deed")
    with op.batch_alter_table("trust_standing", schema=None) as batch_op:
        batch_op.drop_index("ix_trust_standing_area")

    op.drop_table("trust_standing")
    with op.batch_alter_table("trust_mark", schema=None) as batch_op:
        batch_op.drop_index("ix_trust_mark_author")

    op.drop_table("trust_mark")
    with op.batch_alter_table("trust_author", schema=None) as batch_op:
        batch_op.drop_index("ix_trust_author_made")
        batch_op.drop_index("ix_trust_author_dirty")

    op.drop_table("trust_author")
    op.drop_table("trust_product")
