"""Grants, the rights they want on the platforms, differences found there, acts of moderation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("holder", sa.String(length=300), nullable=False),
        sa.Column("handle", sa.String(length=300), nullable=False),
        sa.Column("via", sa.String(length=120), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_drift_community_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_drift_connection_id")),
        sa.ForeignKeyConstraint(["known_by"], ["person.id"], name=op.f("fk_drift_known_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
        sa.UniqueConstraint(
            "community_id", "kind", "holder", "via", name=op.f("uq_drift_community_id_kind_holder_via")
        ),
    )
    op.create_table(
        "platform_right",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("busy_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsure_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_platform_right_author_id")),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_platform_right_community_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_platform_right_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_right")),
        sa.UniqueConstraint("author_id", "community_id", name=op.f("uq_platform_right_author_id_community_id")),
    )
    with op.batch_alter_table("platform_right", schema=None) as batch_op:
        batch_op.create_index("ix_platform_right_community", ["community_id"], unique=False)
        batch_op.create_index("ix_platform_right_due", ["state", "due_at"], unique=False)

    op.create_table(
        "rights_check",
        sa.Column(
            "community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_rights_check_community_id")),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_rights_check")),
    )
    with op.batch_alter_table("rights_check", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rights_check_due_at"), ["due_at"], unique=False)

    op.create_table(
        "rights_grant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("template", sa.String(length=20), nullable=False),
        sa.Column("capabilities", sa.JSON(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("hourly", sa.Integer(), nullable=False),
        sa.Column("daily", sa.Integer(), nullable=False),
        sa.Column("silence_hours", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offer_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_rights_grant_author_id")),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_rights_grant_community_id")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_rights_grant_connection_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_rights_grant_person_id")),
        sa.ForeignKeyConstraint(["proposer_id"], ["person.id"], name=op.f("fk_rights_grant_proposer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_grant")),
    )
    with op.batch_alter_table("rights_grant", schema=None) as batch_op:
        batch_op.create_index("ix_rights_grant_author", ["author_id", "state"], unique=False)
        batch_op.create_index("ix_rights_grant_end", ["state", "ends_at"], unique=False)
        batch_op.create_index("ix_rights_grant_person", ["person_id", "state"], unique=False)

    op.create_table(
        "moderation_act",
        sa.Column(
            "action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("hours", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("undoes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("planned", sa.Boolean(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["action_id"], ["action.id"], name=op.f("fk_moderation_act_action_id")),
        sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_moderation_act_author_id")),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_moderation_act_community_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["rights_grant.id"], name=op.f("fk_moderation_act_grant_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_moderation_act_message_id")),
        sa.ForeignKeyConstraint(["second_id"], ["person.id"], name=op.f("fk_moderation_act_second_id")),
        sa.ForeignKeyConstraint(["undoes_id"], ["action.id"], name=op.f("fk_moderation_act_undoes_id")),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_moderation_act")),
    )
    with op.batch_alter_table("moderation_act", schema=None) as batch_op:
        batch_op.create_index("ix_moderation_act_author", ["author_id"], unique=False)
        batch_op.create_index("ix_moderation_act_grant", ["grant_id", "at"], unique=False)
        batch_op.create_index("ix_moderation_act_undoes", ["undoes_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("moderation_act", schema=None) as batch_op:
        batch_op.drop_index("ix_moderation_act_undoes")
        batch_op.drop_index("ix_moderation_act_grant")
        batch_op.drop_index("ix_moderation_act_author")

    op.drop_table("moderation_act")
    with op.batch_alter_table("rights_grant", schema=None) as batch_op:
        batch_op.drop_index("ix_rights_grant_person")
        batch_op.drop_index("ix_rights_grant_end")
        batch_op.drop_index("ix_rights_grant_author")

    op.drop_table("rights_grant")
    with op.batch_alter_table("rights_check", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rights_check_due_at"))

    op.drop_table("rights_check")
    with op.batch_alter_table("platform_right", schema=None) as batch_op:
        batch_op.drop_index("ix_platform_right_due")
        batch_op.drop_index("ix_platform_right_community")

    op.drop_table("platform_right")
    op.drop_table("drift")
