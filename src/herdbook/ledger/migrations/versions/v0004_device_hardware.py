"""Which machine a device was, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_hardware",
        sa.Column("device_id", sa.String(63), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("serial", sa.String(127), nullable=False),
        sa.Column("sku", sa.String(63), nullable=False),
        sa.Column("memory_mib", sa.Integer, nullable=False),
        sa.Column("jetpack", sa.String(31)),
        sa.Column("tensorrt", sa.String(31)),
        sa.Column("cuda", sa.String(31)),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("device_id", "number", name="pk_device_hardware"),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_device_hardware_device"),
    )
