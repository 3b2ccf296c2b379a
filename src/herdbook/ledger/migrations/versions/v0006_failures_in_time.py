"""Since when a device in a rollout does not answer, and when it failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("missed_at", "failed_at"):
        op.add_column("rollout_device", sa.Column(name, sa.DateTime(timezone=True)))
