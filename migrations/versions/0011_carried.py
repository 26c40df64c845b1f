"""What the credential of each connection may do, as the last check found it; an act is found by its target."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.create_index("ix_action_target", ["connection_id", "target"], unique=False)

    with op.batch_alter_table("connection", schema=None) as batch_op:
        batch_op.add_column(sa.Column("may", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("lacks", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("connection", schema=None) as batch_op:
        batch_op.drop_column("lacks")
        batch_op.drop_column("may")

    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.drop_index("ix_action_target")
