"""The law under which what an act is about is illegal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("moderation_act", schema=None) as batch_op:
        batch_op.add_column(sa.Column("law", sa.String(length=200), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    with op.batch_alter_table("moderation_act", schema=None) as batch_op:
        batch_op.drop_column("law")
