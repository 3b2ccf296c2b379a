"""Files of the lake that its catalog names: what a backup must hold to be one.

Asked of the catalog's own tables: `ducklake_list_files` knows one snapshot, and pinned ones are to come back too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from herdbook.errors import StorageError
from herdbook.lake.attach import ALIAS, open_lake
from herdbook.lake.migrate import lake_version
from herdbook.settings import Settings

_TABLES = f"__ducklake_metadata_{ALIAS}"
_NAMED = f"""
WITH part AS (
    SELECT table_id, path, path_is_relative, file_size_bytes FROM {_TABLES}.ducklake_data_file
    UNION SELECT table_id, path, path_is_relative, file_size_bytes FROM {_TABLES}.ducklake_delete_file
),
-- a table that was renamed has several rows, and one path
home AS (
    SELECT DISTINCT t.table_id, s.path || t.path AS path
    FROM {_TABLES}.ducklake_table AS t JOIN {_TABLES}.ducklake_schema AS s USING (schema_id)
)
SELECT CASE WHEN path_is_relative::BOOLEAN THEN home.path ELSE '' END || part.path, file_size_bytes
FROM part JOIN home USING (table_id)
"""  # noqa: S608 - our own names


def lake_of_now(settings: Settings) -> tuple[int | None, dict[str, int]]:
    """The lake's version, none where it is empty, and its files: names below its data path, with their bytes.

    Raises:
        StorageError: the lake cannot be read.
    """
    with open_lake(settings, read_only=True) as lake:
        try:
            return lake_version(lake), {str(name): int(size) for name, size in lake.execute(_NAMED).fetchall()}
        except duckdb.Error as error:
            raise StorageError(f"the lake cannot be read: {error}", _remedy(settings)) from error


def require_kept(settings: Settings, named: Mapping[str, int], folder: Path) -> None:
    """Raise unless a folder holds every file that is named, of its size.

    Raises:
        StorageError: it does not.
    """
    wrong = sorted(name for name, size in named.items() if _size(folder / name) != size)
    if wrong:
        raise StorageError(
            f"{len(wrong)} of the lake's {len(named)} files are gone or torn, the first of them"
            f" {settings.lake_data_path.rstrip('/')}/{wrong[0]}: no backup was written",
            _remedy(settings),
        )


def _remedy(settings: Settings) -> str:
    return (
        f"Copy what is missing below {settings.lake_data_path} from `data` of an older backup"
        f" (`herdbook backup --list`: they all stay), then run the command again."
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
