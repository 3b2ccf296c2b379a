"""The first ledger: devices, their days, attempts, footage, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_DAY = ["device_id", "day", "revision"]


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("farm_id", sa.String(63), nullable=False),
        sa.Column("url", sa.String(255), nullable=False),
        sa.Column("timezone", sa.String(63), nullable=False),
        sa.Column("ca_file", sa.Text),
        sa.Column("enrolled_at", _INSTANT, nullable=False),
        sa.Column("retired_at", _INSTANT),
        sa.PrimaryKeyConstraint("device_id", name="pk_device"),
    )
    op.create_table(
        "device_day",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("completed_at", _INSTANT),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.CheckConstraint(
            "state IN ('fetching', 'landed', 'loaded', 'quarantined')", name=op.f("ck_device_day_state")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_device_day_device"),
        sa.PrimaryKeyConstraint(*_DAY, name="pk_device_day"),
    )
    op.create_table(
        "attempt",
        sa.Column("attempt_id", sa.Integer, nullable=False),
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("revision", sa.Integer),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("error", sa.String(63)),
        sa.Column("message", sa.Text),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_attempt_device"),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempt"),
    )
    op.create_index("ix_attempt_device_id_day", "attempt", ["device_id", "day"])
    op.create_table(
        "footage_clip",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("name", sa.String(127), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("camera_id", sa.String(63), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("worth", sa.Double, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.CheckConstraint("state IN ('kept', 'skipped', 'expired')", name=op.f("ck_footage_clip_state")),
        sa.ForeignKeyConstraint(_DAY, [f"device_day.{c}" for c in _DAY], name="fk_footage_clip_device_day"),
        sa.PrimaryKeyConstraint(*_DAY, "name", name="pk_footage_clip"),
    )
    op.create_index("ix_footage_clip_sha256", "footage_clip", ["sha256"])
    op.create_table(
        "quarantine_entry",
        sa.Column("entry_id", sa.Integer, nullable=False),
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("file", sa.String(127), nullable=False),
        sa.Column("error", sa.String(63), nullable=False),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(_DAY, [f"device_day.{c}" for c in _DAY], name="fk_quarantine_entry_device_day"),
        sa.PrimaryKeyConstraint("entry_id", name="pk_quarantine_entry"),
    )
    op.create_index("ix_quarantine_entry_device_id_day_revision", "quarantine_entry", _DAY)
