"""Rollouts: their waves, devices and events; pins; what each device was last seen to run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NAME = sa.String(63)
_SAID = "events of a rollout are added, never changed"


def upgrade() -> None:
    _rollouts()
    _devices()
    _keep_events()


def _rollouts() -> None:
    op.create_table(
        "rollout",
        sa.Column("rollout_id", sa.Integer, nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("release_id", _NAME, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("rolls_back", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("started_by", sa.String(127), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.CheckConstraint(
            "phase IN ('running', 'paused', 'stopped', 'aborted', 'done')", name=op.f("ck_rollout_phase")
        ),
        sa.PrimaryKeyConstraint("rollout_id", name="pk_rollout"),
        sa.UniqueConstraint("key", name="uq_rollout_key"),
    )
    op.create_table(
        "rollout_wave",
        sa.Column("rollout_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("began_at", _INSTANT),
        sa.Column("ended_at", _INSTANT),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.CheckConstraint("phase IN ('pending', 'running', 'passed', 'failed')", name=op.f("ck_rollout_wave_phase")),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.rollout_id"], name="fk_rollout_wave_rollout"),
        sa.PrimaryKeyConstraint("rollout_id", "number", name="pk_rollout_wave"),
    )
    op.create_table(
        "rollout_device",
        sa.Column("rollout_id", sa.Integer, nullable=False),
        sa.Column("device_id", _NAME, nullable=False),
        sa.Column("wave", sa.Integer, nullable=False),
        sa.Column("canary", sa.Boolean, nullable=False),
        sa.Column("sku", _NAME, nullable=False),
        sa.Column("engine_key", sa.String(255), nullable=False),
        sa.Column("former", _NAME),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("told_at", _INSTANT),
        sa.Column("signed", sa.Integer),
        sa.Column("nudged_at", _INSTANT),
        sa.Column("proved_at", _INSTANT),
        sa.Column("well_at", _INSTANT),
        sa.Column("drift", sa.Text),
        sa.CheckConstraint(
            "phase IN ('pending', 'away', 'told', 'proved', 'failed', 'skipped', 'leaving', 'left', 'stuck')",
            name=op.f("ck_rollout_device_phase"),
        ),
        sa.ForeignKeyConstraint(
            ["rollout_id", "wave"],
            ["rollout_wave.rollout_id", "rollout_wave.number"],
            name="fk_rollout_device_rollout_wave",
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_rollout_device_device"),
        sa.PrimaryKeyConstraint("rollout_id", "device_id", name="pk_rollout_device"),
    )
    op.create_index("ix_rollout_device_device_id", "rollout_device", ["device_id"])
    op.create_table(
        "rollout_event",
        sa.Column("event_id", sa.Integer, nullable=False),
        sa.Column("rollout_id", sa.Integer, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("by", sa.String(127), nullable=False),
        sa.Column("what", sa.String(31), nullable=False),
        sa.Column("wave", sa.Integer),
        sa.Column("device_id", _NAME),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.rollout_id"], name="fk_rollout_event_rollout"),
        sa.PrimaryKeyConstraint("event_id", name="pk_rollout_event"),
    )
    op.create_index("ix_rollout_event_rollout_id", "rollout_event", ["rollout_id"])


def _devices() -> None:
    op.create_table(
        "device_pin",
        sa.Column("device_id", _NAME, nullable=False),
        sa.Column("release_id", _NAME, nullable=False),
        sa.Column("by", sa.String(127), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("signed", sa.Integer),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_device_pin_device"),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_pin"),
    )
    op.create_table(
        "device_seen",
        sa.Column("device_id", _NAME, nullable=False),
        sa.Column("desired", _NAME),
        sa.Column("number", sa.Integer),
        sa.Column("actual", _NAME),
        sa.Column("stage", sa.String(16)),
        sa.Column("serving", sa.Boolean),
        sa.Column("sku", _NAME),
        sa.Column("engine_key", sa.String(255)),
        sa.Column("certificate", sa.Text),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("seen_at", _INSTANT),
        sa.Column("asked_at", _INSTANT),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name="fk_device_seen_device"),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_seen"),
    )


def _keep_events() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER rollout_event_no_{change.lower()} BEFORE {change} ON rollout_event "
                f"BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION rollout_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER rollout_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rollout_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION rollout_event_is_kept()"
    )
