"""The tags of a thread, and grants that hold for what bears one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rights_grant", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tag", sa.String(length=100), nullable=False, server_default=sa.text("''")))

    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tags", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.drop_column("tags")

    with op.batch_alter_table("rights_grant", schema=None) as batch_op:
        batch_op.drop_column("tag")
