"""Reports, statements, appeals, notices, watched words, retention, thanks; who stood how high when an act was asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("retention",
    sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("days", sa.Integer(), nullable=False),
    sa.Column("set_by", sa.String(length=80), nullable=False),
    sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_retention_connection_id")),
    sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_retention"))
    )
    op.create_table("unread_author",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("digest", sa.String(length=64), nullable=False),
    sa.Column("why", sa.String(length=10), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_unread_author_connection_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_unread_author")),
    sa.UniqueConstraint("connection_id", "digest", name=op.f("uq_unread_author_connection_id_digest"))
    )
    op.create_table("badge",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("name", sa.String(length=80), nullable=False),
    sa.Column("state", sa.String(length=10), nullable=False),
    sa.Column("tries", sa.Integer(), nullable=False),
    sa.Column("error", sa.Text(), nullable=False),
    sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_badge_author_id")),
    sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_badge_connection_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_badge")),
    sa.UniqueConstraint("author_id", "name", name=op.f("uq_badge_author_id_name"))
    )
    with op.batch_alter_table("badge", schema=None) as batch_op:
        batch_op.create_index("ix_badge_due", ["state", "due_at"], unique=False)

    op.create_table("community_rule",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("position", sa.Integer(), nullable=False),
    sa.Column("title", sa.JSON(), nullable=False),
    sa.Column("text", sa.JSON(), nullable=False),
    sa.Column("category", sa.String(length=80), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_community_rule_community_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_community_rule"))
    )
    with op.batch_alter_table("community_rule", schema=None) as batch_op:
        batch_op.create_index("ix_community_rule_community", ["community_id", "position"], unique=False)

    op.create_table("star_listing",
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("shown", sa.Boolean(), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_star_listing_author_id")),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_star_listing_person_id")),
    sa.PrimaryKeyConstraint("author_id", name=op.f("pk_star_listing"))
    )
    op.create_table("watch",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("kind", sa.String(length=10), nullable=False),
    sa.Column("pattern", sa.String(length=500), nullable=False),
    sa.Column("does", sa.String(length=20), nullable=False),
    sa.Column("mode", sa.String(length=10), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("rule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("mode_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("tried", sa.JSON(), nullable=True),
    sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_watch_community_id")),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_watch_person_id")),
    sa.ForeignKeyConstraint(["rule_id"], ["community_rule.id"], name=op.f("fk_watch_rule_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_watch"))
    )
    with op.batch_alter_table("watch", schema=None) as batch_op:
        batch_op.create_index("ix_watch_mode", ["mode", "community_id"], unique=False)

    op.create_table("notice",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("code", sa.String(length=64), nullable=False),
    sa.Column("url", sa.String(length=1000), nullable=False),
    sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("category", sa.String(length=80), nullable=False),
    sa.Column("explanation", sa.Text(), nullable=False),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("address", sa.Text(), nullable=False),
    sa.Column("language", sa.String(length=10), nullable=False),
    sa.Column("state", sa.String(length=10), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.ForeignKeyConstraint(["action_id"], ["action.id"], name=op.f("fk_notice_action_id")),
    sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_notice_connection_id")),
    sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_notice_message_id")),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_notice_person_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    sa.UniqueConstraint("code", name=op.f("uq_notice_code"))
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index("ix_notice_state", ["state", "made_at"], unique=False)

    op.create_table("report_decision",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("verdict", sa.String(length=10), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("act_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["act_id"], ["action.id"], name=op.f("fk_report_decision_act_id")),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_report_decision_author_id")),
    sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_report_decision_community_id")),
    sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_report_decision_connection_id")),
    sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_report_decision_message_id")),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_report_decision_person_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_report_decision"))
    )
    with op.batch_alter_table("report_decision", schema=None) as batch_op:
        batch_op.create_index("ix_report_decision_at", ["at"], unique=False)

    op.create_table("statement",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("community_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("language", sa.String(length=10), nullable=False),
    sa.Column("body", sa.JSON(), nullable=False),
    sa.Column("told", sa.String(length=10), nullable=False),
    sa.Column("notify_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["action_id"], ["action.id"], name=op.f("fk_statement_action_id")),
    sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_statement_author_id")),
    sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_statement_community_id")),
    sa.ForeignKeyConstraint(["notify_id"], ["action.id"], name=op.f("fk_statement_notify_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
    sa.UniqueConstraint("action_id", name=op.f("uq_statement_action_id"))
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index("ix_statement_author", ["author_id"], unique=False)
        batch_op.create_index("ix_statement_told", ["told", "made_at"], unique=False)

    op.create_table("watch_hit",
    sa.Column("watch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("draft", sa.Boolean(), nullable=False),
    sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.ForeignKeyConstraint(["action_id"], ["action.id"], name=op.f("fk_watch_hit_action_id")),
    sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_watch_hit_message_id")),
    sa.ForeignKeyConstraint(["watch_id"], ["watch.id"], name=op.f("fk_watch_hit_watch_id")),
    sa.PrimaryKeyConstraint("watch_id", "message_id", name=op.f("pk_watch_hit"))
    )
    with op.batch_alter_table("watch_hit", schema=None) as batch_op:
        batch_op.create_index("ix_watch_hit_at", ["watch_id", "at"], unique=False)
        batch_op.create_index("ix_watch_hit_message", ["message_id"], unique=False)

    op.create_table("appeal",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("statement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("language", sa.String(length=10), nullable=False),
    sa.Column("state", sa.String(length=10), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("undo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_appeal_person_id")),
    sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_appeal_statement_id")),
    sa.ForeignKeyConstraint(["undo_id"], ["action.id"], name=op.f("fk_appeal_undo_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal"))
    )
    with op.batch_alter_table("appeal", schema=None) as batch_op:
        batch_op.create_index("ix_appeal_state", ["state", "made_at"], unique=False)
        batch_op.create_index("ix_appeal_statement", ["statement_id"], unique=False)

    op.create_table("report",
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
    sa.Column("remote_id", sa.String(length=300), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.Float(), nullable=False),
    sa.Column("reason", sa.String(length=20), nullable=False),
    sa.Column("outcome", sa.String(length=10), nullable=False),
    sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("message_remote", sa.String(length=300), nullable=False),
    sa.Column("about_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("reporter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("decision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.Column("action_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    sa.ForeignKeyConstraint(["about_id"], ["author.id"], name=op.f("fk_report_about_id")),
    sa.ForeignKeyConstraint(["action_id"], ["action.id"], name=op.f("fk_report_action_id")),
    sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_report_connection_id")),
    sa.ForeignKeyConstraint(["decision_id"], ["report_decision.id"], name=op.f("fk_report_decision_id")),
    sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_report_message_id")),
    sa.ForeignKeyConstraint(["reporter_id"], ["author.id"], name=op.f("fk_report_reporter_id")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
    sa.UniqueConstraint("connection_id", "remote_id", name=op.f("uq_report_connection_id_remote_id"))
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index("ix_report_about", ["about_id"], unique=False)
        batch_op.create_index("ix_report_decision", ["decision_id"], unique=False)
        batch_op.create_index("ix_report_message", ["message_id"], unique=False)
        batch_op.create_index("ix_report_open", ["outcome", "connection_id", "at"], unique=False)
        batch_op.create_index("ix_report_reporter", ["reporter_id", "at"], unique=False)
        batch_op.create_index("ix_report_waiting", ["connection_id", "message_remote"], unique=False)

    with op.batch_alter_table("moderation_act", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rank", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("rule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("waits", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("automated", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_foreign_key(batch_op.f("fk_moderation_act_rule_id"), "community_rule", ["rule_id"], ["id"])

    with op.batch_alter_table("api_client", schema=None) as batch_op:
        batch_op.alter_column("scopes", existing_type=sa.String(200), type_=sa.String(1000), existing_nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("api_client", schema=None) as batch_op:
        batch_op.alter_column("scopes", existing_type=sa.String(1000), type_=sa.String(200), existing_nullable=False)

    with op.batch_alter_table("moderation_act", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_moderation_act_rule_id"), type_="foreignkey")
        batch_op.drop_column("automated")
        batch_op.drop_column("waits")
        batch_op.drop_column("rule_id")
        batch_op.drop_column("rank")

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index("ix_report_waiting")
        batch_op.drop_index("ix_report_reporter")
        batch_op.drop_index("ix_report_open")
        batch_op.drop_index("ix_report_message")
        batch_op.drop_index("ix_report_decision")
        batch_op.drop_index("ix_report_about")

    op.drop_table("report")
    with op.batch_alter_table("appeal", schema=None) as batch_op:
        batch_op.drop_index("ix_appeal_statement")
        batch_op.drop_index("ix_appeal_state")

    op.drop_table("appeal")
    with op.batch_alter_table("watch_hit", schema=None) as batch_op:
        batch_op.drop_index("ix_watch_hit_message")
        batch_op.drop_index("ix_watch_hit_at")

    op.drop_table("watch_hit")
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_index("ix_statement_told")
        batch_op.drop_index("ix_statement_author")

    op.drop_table("statement")
    with op.batch_alter_table("report_decision", schema=None) as batch_op:
        batch_op.drop_index("ix_report_decision_at")

    op.drop_table("report_decision")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_state")

    op.drop_table("notice")
    with op.batch_alter_table("watch", schema=None) as batch_op:
        batch_op.drop_index("ix_watch_mode")

    op.drop_table("watch")
    op.drop_table("star_listing")
    with op.batch_alter_table("community_rule", schema=None) as batch_op:
        batch_op.drop_index("ix_community_rule_community")

    op.drop_table("community_rule")
    with op.batch_alter_table("badge", schema=None) as batch_op:
        batch_op.drop_index("ix_badge_due")

    op.drop_table("badge")
    op.drop_table("unread_author")
    op.drop_table("retention")
