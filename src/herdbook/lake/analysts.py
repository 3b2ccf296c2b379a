"""Read-only access to a lake with a PostgreSQL catalog: a role that sees the catalog and can change nothing of it.

DuckLake keeps no rights of its own: who may write its catalog's tables may write the lake. So the database says
who may, and the store of the data files says it again (a bucket policy, or a folder's mode).
"""

from __future__ import annotations

import re

from herdbook.errors import AnalystRoleError, ConfigurationError
from herdbook.lake.attach import parse_catalog, redact
from herdbook.settings import Settings

_ROLE = re.compile(r"[a-z][a-z0-9_]{0,62}")


def role_statements(role: str) -> list[str]:
    """The SQL that makes a role for analysts, or makes an existing one so; to be run by the catalog's owner.

    People are given the role: ``CREATE ROLE anna LOGIN PASSWORD '…' IN ROLE analysts``.

    Args:
        role: its name; lower-case letters, digits and ``_``.

    Raises:
        ConfigurationError: that is no name for a role.
    """
    if not _ROLE.fullmatch(role):
        raise ConfigurationError(f"'{role}' is no name for a role", "Use lower-case letters, digits and '_'.")
    return [
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        f" THEN CREATE ROLE {role}; END IF; END $$",
        f"ALTER ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
        # What PUBLIC may do, everybody may: nobody but the owner makes tables in a catalog, not even temporary ones.
        "DO $$ BEGIN EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON SCHEMA public FROM {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        f"DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO {role}', current_database()); END $$",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        # DuckLake makes tables as it goes: of inlined rows, and of a new version of its own.
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
    ]


def make_role(settings: Settings, role: str) -> None:
    """Run `role_statements` on the catalog, in one transaction.

    Raises:
        ConfigurationError: the lake has no PostgreSQL catalog, or that is no name for a role.
        AnalystRoleError: the database refuses, or keeps other tables beside the catalog that the role would see, too.
    """
    import psycopg2  # type: ignore[import-untyped]

    catalog = parse_catalog(settings)
    if catalog.kind != "postgres":
        raise ConfigurationError(
            "this lake's catalog is a file: who may read it is said by the file's mode",
            "Give analysts the published herd.duckdb, or move the catalog to PostgreSQL (HERDBOOK_CATALOG).",
        )
    statements = role_statements(role)
    try:
        connection = psycopg2.connect(catalog.target)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'ducklake_%'"
                    " ORDER BY 1"
                )
                others = [name for (name,) in cursor.fetchall()]
                if others:
                    raise AnalystRoleError(
                        f"the catalog's database also holds {', '.join(others[:3])}: the role would read that, too",
                        "Give the catalog a database of its own; ledger, Airflow and MLflow have theirs.",
                    )
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise AnalystRoleError(f"the catalog refuses: {redact(str(error).splitlines()[0])}") from error
