"""MLflow writes down where artifacts lie as absolute addresses: in another home they begin otherwise."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import ColumnClause, Engine, String, column, create_engine, func, inspect, literal, table, update
from sqlalchemy.exc import SQLAlchemyError

from herdbook.errors import StorageError
from herdbook.object_store import is_object_store
from herdbook.settings import Settings

ADDRESSES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
    "trace_tags": ("value",),
}
"""Columns of MLflow's tables that hold addresses, as its ``dbmodels`` define them."""


def rebase(settings: Settings, old: str) -> int:
    """Let MLflow's records name artifacts in this home. Again changes nothing.

    Args:
        settings: of the home.
        old: folder or prefix of artifacts of the home that the records come from.

    Returns:
        How many addresses were written anew.

    Raises:
        StorageError: the database cannot be written.
    """
    new = settings.mlflow_artifacts_place
    if old == new:
        return 0
    engine = create_engine(settings.mlflow_database_url)
    try:
        return sum(_moved(engine, before, after) for before, after in _forms(old, new))
    except SQLAlchemyError as error:
        raise StorageError(f"MLflow's records cannot be written: {getattr(error, 'orig', error)}") from None
    finally:
        engine.dispose()


def _forms(old: str, new: str) -> list[tuple[str, str]]:
    """As an address and as a path; a prefix of an object store is an address only."""
    address = new if is_object_store(new) else Path(new).as_uri()
    if is_object_store(old):
        return [(old.rstrip("/"), address.rstrip("/"))]
    return [(Path(old).as_uri(), address.rstrip("/")), (old, new.rstrip("/"))]


def _moved(engine: Engine, old: str, new: str) -> int:
    changed = 0
    known = inspect(engine)
    present = set(known.get_table_names())
    with engine.begin() as connection:
        for name, columns in ADDRESSES.items():
            if name not in present:
                continue
            has = {found["name"] for found in known.get_columns(name)}
            for each in has.intersection(columns):
                held: ColumnClause[str] = column(each)
                begins = (held == old) | (func.substr(held, 1, len(old) + 1) == f"{old}/")
                moved = literal(new, String) + func.substr(held, len(old) + 1, type_=String)
                changed += connection.execute(update(table(name, held)).where(begins).values({each: moved})).rowcount
    return changed
