"""Promotions of models: rows are added, never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SAID = "promotions are added, never changed"


def upgrade() -> None:
    op.create_table(
        "promotion",
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("from_version", sa.Integer),
        sa.Column("to_version", sa.Integer),
        sa.Column("decided_by", sa.String(127), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("evidence_sha256", sa.String(64)),
        sa.Column("verdict", sa.Text),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("action IN ('promote', 'demote')", name=op.f("ck_promotion_action")),
        sa.PrimaryKeyConstraint("model", "number", name="pk_promotion"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER promotion_no_{change.lower()} BEFORE {change} ON promotion "
                f"BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION promotion_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER promotion_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON promotion "
        "FOR EACH STATEMENT EXECUTE FUNCTION promotion_is_kept()"
    )
