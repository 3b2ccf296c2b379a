"""What a study leaves behind: a folder that says what was asked of what, and that comes out the same when run again.

::

    study.yaml            the definition with every field, its snapshot as a number
    analysis.parquet      the rows that are compared; analysis.csv the same
    left_out.csv          rows that were drawn and do not count, and why
    cases.csv             every episode, with its labels, and why it is no case
    flow.csv              the numbers of a flow chart
    missing.csv           missingness by case and control
    estimates.csv         the findings (`herdbook.studies.findings.SCHEMA`)
    follow.csv            of a cohort: when each animal was at risk, and what that ended in
    incidence.csv         of a cohort: how many got it (`herdbook.studies.incidence.SCHEMA`)
    sensitivity.csv       the primary exposure's finding if identity or labels are worse than thought
    coverage.csv          how well windows were observed, by week
    releases.csv          which model releases saw them, from when to when
    *.svg                 figures: flow, estimates, sensitivity, coverage, incidence
    report.html           all of it on one page that needs no network
    study.json            snapshot, releases, versions, and the digest of every file

No file has a time of day or a machine in it.
"""

from __future__ import annotations

import io
import json
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from herdbook.contracts.digest import sha256_of_bytes
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, replace_durably
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.studies.assemble import Assembled
from herdbook.studies.definition import Study
from herdbook.studies.incidence import incidence
from herdbook.studies.read import write_study
from herdbook.studies.report.figures import Shown, figures
from herdbook.studies.report.page import page
from herdbook.studies.training import unstated

MANIFEST = "study.json"
DEFINITION = "study.yaml"
_LIBRARIES = ("herdbook", "duckdb", "numpy", "scipy", "pyarrow", "jinja2")


def contents(study: Study, assembled: Assembled, estimates: pa.Table, variants: pa.Table) -> dict[str, bytes]:
    """The files but the manifest, by name."""
    rows = assembled.rows
    used = assembled.used.drop_columns(["left_out"])
    tables = {
        "analysis.csv": used,
        "left_out.csv": rows.filter(pc.is_valid(rows["left_out"])),
        "cases.csv": assembled.cases,
        "flow.csv": assembled.flow,
        "missing.csv": assembled.missing,
        "estimates.csv": estimates,
        "sensitivity.csv": variants,
        "coverage.csv": assembled.coverage,
        "releases.csv": assembled.seen_by,
    }
    curves = None
    if assembled.follow is not None:
        curves = incidence(study, assembled.follow, assembled.used)
        tables |= {"follow.csv": assembled.follow, "incidence.csv": curves}
    shown = Shown(study, assembled, estimates, variants, curves)
    files = {DEFINITION: write_study(study).encode(), "analysis.parquet": _parquet(used)}
    files |= {name: _csv(table) for name, table in tables.items()}
    drawn = figures(shown)
    files |= {name: svg.encode() for name, svg in drawn.items()}
    return files | {"report.html": page(shown, drawn).encode()}


def manifest(study: Study, assembled: Assembled, files: Mapping[str, bytes], lake: Mapping[str, Any]) -> dict[str, Any]:
    """What ``study.json`` says.

    Args:
        study: the definition, its snapshot a number.
        assembled: what was compared.
        files: `contents`.
        lake: what else the lake says of itself.
    """
    digests = {name: sha256_of_bytes(content) for name, content in sorted(files.items())}
    return {
        "study": study.study,
        "snapshot": study.snapshot,
        "lake": dict(lake),
        "releases": list(assembled.releases),
        "training_not_stated": unstated(assembled.releases, study.trained_on),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        "files": digests,
        "digest": sha256_of_bytes(json.dumps(digests, sort_keys=True).encode()),
    }


def write_bundle(folder: Path, files: Mapping[str, bytes], said: Mapping[str, Any]) -> None:
    """Write a folder, whole or not at all.

    Raises:
        InputError: it is there already.
        DiskFullError: no space is left.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already", "Name a folder that is not, or `herdbook study rerun` it.")
    part = folder.with_name(f".{folder.name}.part")
    make_folder(folder.parent)
    shutil.rmtree(part, ignore_errors=True)
    with disk_full_is_said(folder):
        try:
            part.mkdir()
            for name, content in {**files, MANIFEST: (json.dumps(said, indent=1) + "\n").encode()}.items():
                (part / name).write_bytes(content)
                fsync_path(part / name)
            replace_durably(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a bundle says of itself.

    Raises:
        NotFoundError: there is none.
        FileFormatError: it is not a bundle's.
    """
    try:
        said: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise NotFoundError(f"there is no bundle of a study in {folder}", "Name the folder of a run.") from error
    except ValueError as error:
        raise FileFormatError(f"{folder / MANIFEST} is not JSON") from error
    if not isinstance(said, dict) or not isinstance(said.get("files"), dict):
        raise FileFormatError(f"{folder / MANIFEST} is not a study's")
    return said


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), buffer, compression="zstd")
    return buffer.getvalue()


def _csv(table: pa.Table) -> bytes:
    """With lists as words."""
    for k, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            words = [None if row is None else " ".join(map(str, row)) for row in table[field.name].to_pylist()]
            table = table.set_column(k, field.name, pa.array(words, pa.string()))
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    return buffer.getvalue()
