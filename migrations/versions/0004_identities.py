"""Tables of identities: who somebody is elsewhere, what servers know Tenth as, questions on their way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('forum_secret',
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('issuer', name=op.f('pk_forum_secret'))
    )
    op.create_table('remote_app',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('redirect_uri', sa.String(length=500), nullable=False),
    sa.Column('scope', sa.String(length=300), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_remote_app')),
    sa.UniqueConstraint('issuer', 'redirect_uri', 'scope', name=op.f('uq_remote_app_issuer_redirect_uri_scope'))
    )
    op.create_table('external_flow',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state_digest', sa.String(length=64), nullable=False),
    sa.Column('browser_digest', sa.String(length=64), nullable=False),
    sa.Column('purpose', sa.String(length=10), nullable=False),
    sa.Column('provider', sa.String(length=20), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_external_flow_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_external_flow')),
    sa.UniqueConstraint('state_digest', name=op.f('uq_external_flow_state_digest'))
    )
    with op.batch_alter_table('external_flow', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_external_flow_browser_digest'), ['browser_digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_external_flow_expires_at'), ['expires_at'], unique=False)

    op.create_table('identity',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('provider', sa.String(length=20), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('handle', sa.String(length=300), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_identity_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identity')),
    sa.UniqueConstraint('provider', 'issuer', 'subject', name=op.f('uq_identity_provider_issuer_subject'))
    )
    with op.batch_alter_table('identity', schema=None) as batch_op:
        batch_op.create_index('ix_identity_person', ['person_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('identity', schema=None) as batch_op:
        batch_op.drop_index('ix_identity_person')

    op.drop_table('identity')
    with op.batch_alter_table('external_flow', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_external_flow_expires_at'))
        batch_op.drop_index(batch_op.f('ix_external_flow_browser_digest'))

    op.drop_table('external_flow')
    op.drop_table('remote_app')
    op.drop_table('forum_secret')
