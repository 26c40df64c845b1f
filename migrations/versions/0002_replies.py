"""Replies: brand accounts, who may use them, answers from the first word to the platform."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROWS = {
    "connection": ("id", "account", "created_at"),
    "brand_account": ("connection_id", "handle", "settings", "limits", "sealed", "state", "error", "created_at"),
}


def upgrade() -> None:
    op.create_table('approval_rule',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('value', sa.String(length=40), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval_rule')),
    sa.UniqueConstraint('kind', 'value', name=op.f('uq_approval_rule_kind_value'))
    )
    op.create_table('saved_reply',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('asks', sa.Boolean(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_reply')),
    sa.UniqueConstraint('name', 'language', name=op.f('uq_saved_reply_name_language'))
    )
    op.create_table('brand_account',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('handle', sa.String(length=200), nullable=False),
    sa.Column('settings', sa.JSON(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('limits', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_brand_account_connection_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_brand_account')),
    sa.UniqueConstraint('connection_id', 'handle', name=op.f('uq_brand_account_connection_id_handle'))
    )
    op.create_table('account_level',
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('level', sa.String(length=10), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['brand_account.id'], name=op.f('fk_account_level_account_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_account_level_person_id')),
    sa.PrimaryKeyConstraint('account_id', 'person_id', name=op.f('pk_account_level'))
    )
    op.create_table('reply',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('case_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('writer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('approver_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('content_warning', sa.Text(), nullable=False),
    sa.Column('visibility', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=20), nullable=False),
    sa.Column('send_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seen_message_id', sa.Integer(), nullable=True),
    sa.Column('wants', sa.JSON(), nullable=False),
    sa.Column('overrides', sa.JSON(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('remote_id', sa.String(length=300), nullable=True),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['brand_account.id'], name=op.f('fk_reply_account_id')),
    sa.ForeignKeyConstraint(['approver_id'], ['person.id'], name=op.f('fk_reply_approver_id')),
    sa.ForeignKeyConstraint(['case_id'], ['case.id'], name=op.f('fk_reply_case_id')),
    sa.ForeignKeyConstraint(['message_id'], ['message.id'], name=op.f('fk_reply_message_id')),
    sa.ForeignKeyConstraint(['writer_id'], ['person.id'], name=op.f('fk_reply_writer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reply'))
    )
    with op.batch_alter_table('reply', schema=None) as batch_op:
        batch_op.create_index('ix_reply_case', ['case_id', 'id'], unique=False)
        batch_op.create_index('ix_reply_state', ['state', 'id'], unique=False)

    op.create_table('reply_image',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reply_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('mime', sa.String(length=40), nullable=False),
    sa.Column('alt', sa.Text(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['reply_id'], ['reply.id'], name=op.f('fk_reply_image_reply_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reply_image'))
    )
    with op.batch_alter_table('reply_image', schema=None) as batch_op:
        batch_op.create_index('ix_reply_image_reply', ['reply_id', 'id'], unique=False)

    op.create_table('reply_revision',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reply_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('verb', sa.String(length=10), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_reply_revision_person_id')),
    sa.ForeignKeyConstraint(['reply_id'], ['reply.id'], name=op.f('fk_reply_revision_reply_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reply_revision'))
    )
    with op.batch_alter_table('reply_revision', schema=None) as batch_op:
        batch_op.create_index('ix_reply_revision_reply', ['reply_id', 'id'], unique=False)

    with op.batch_alter_table('action', schema=None) as batch_op:
        batch_op.add_column(sa.Column('options', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('reply_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index('ix_action_reply', ['reply_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_action_reply_id'), 'reply', ['reply_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_action_account_id'), 'brand_account', ['account_id'], ['id'])
    _name_accounts()


def _name_accounts() -> None:
    """Every connection that answers as somebody already has a brand account."""
    old, new = (sa.table(name, *(sa.column(c) for c in columns)) for name, columns in _ROWS.items())
    empty = sa.literal_column("'{}'")
    made = (old.c.id, old.c.account, empty, empty, sa.cast(sa.literal(b""), sa.LargeBinary()))
    rows = sa.select(*made, sa.literal("open"), sa.literal(""), old.c.created_at).where(old.c.account != "")
    op.execute(sa.insert(new).from_select(list(_ROWS["brand_account"]), rows))


def downgrade() -> None:
    with op.batch_alter_table('action', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_action_account_id'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_action_reply_id'), type_='foreignkey')
        batch_op.drop_index('ix_action_reply')
        batch_op.drop_column('account_id')
        batch_op.drop_column('reply_id')
        batch_op.drop_column('options')

    with op.batch_alter_table('reply_revision', schema=None) as batch_op:
        batch_op.drop_index('ix_reply_revision_reply')

    op.drop_table('reply_revision')
    with op.batch_alter_table('reply_image', schema=None) as batch_op:
        batch_op.drop_index('ix_reply_image_reply')

    op.drop_table('reply_image')
    with op.batch_alter_table('reply', schema=None) as batch_op:
        batch_op.drop_index('ix_reply_state')
        batch_op.drop_index('ix_reply_case')

    op.drop_table('reply')
    op.drop_table('account_level')
    op.drop_table('brand_account')
    op.drop_table('saved_reply')
    op.drop_table('approval_rule')
