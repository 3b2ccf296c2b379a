"""Frames that a person should look at, and what the teacher read again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_item",
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("site", sa.String(63), nullable=False),
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("clip", sa.String(127), nullable=False),
        sa.Column("frame", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(191), nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("student", sa.String(63), nullable=False),
        sa.Column("teacher", sa.String(127), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("side", sa.String(16)),
        sa.Column("comment", sa.Text),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(127)),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("reason IN ('outlines', 'identity')", name=op.f("ck_review_item_reason")),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'corrected', 'discarded')", name=op.f("ck_review_item_state")
        ),
        sa.PrimaryKeyConstraint("item_id", name="pk_review_item"),
        sa.UniqueConstraint(
            "device_id",
            "day",
            "clip",
            "frame",
            "reason",
            "subject",
            name="uq_review_item_device_id_day_clip_frame_reason_subject",
        ),
    )
    op.create_index("ix_review_item_state", "review_item", ["state"])
    op.create_table(
        "reread",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("student_sha256", sa.String(64), nullable=False),
        sa.Column("teacher", sa.String(127), nullable=False),
        sa.Column("student", sa.String(63), nullable=False),
        sa.Column("clips", sa.Integer, nullable=False),
        sa.Column("frames", sa.BigInteger, nullable=False),
        sa.Column("unsure", sa.BigInteger, nullable=False),
        sa.Column("reread", sa.Integer, nullable=False),
        sa.Column("compared", sa.Integer, nullable=False),
        sa.Column("queued", sa.Integer, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", "student_sha256", "teacher", name="pk_reread"),
    )
