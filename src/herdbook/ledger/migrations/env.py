"""Alembic's entry point; `herdbook.ledger.migrate` hands it an open connection."""

from __future__ import annotations

from alembic import context

from herdbook.ledger import rollouts  # noqa: F401 - its tables are of the same metadata
from herdbook.ledger.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
