"""A report as one HTML file: no script, no address outside, everything that comes from data escaped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.contracts.durable import write_durably
from herdbook.errors import ReportNotWrittenError
from herdbook.reports import words

if TYPE_CHECKING:
    from jinja2 import Environment

_PRINTABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))
"""What no HTML may hold, whatever an id or a note brings."""


def render(template: str, said: Mapping[str, Any]) -> str:
    """A page.

    Args:
        template: its file under ``templates``.
        said: what it tells; missing names are an error, not a blank.
    """
    page = _environment().get_template(template).render(**said, software=version("herdbook"))
    return page.translate(_PRINTABLE)


def write(path: Path, page: str) -> None:
    """Write a page, all or nothing.

    Raises:
        ReportNotWrittenError: there is no such folder, or nobody may write there.
        DiskFullError: no space is left.
    """
    require_place(path)
    try:
        write_durably(path, page.encode())
    except OSError as error:
        raise ReportNotWrittenError(f"{path} cannot be written: {error.strerror or error}") from error


def require_place(path: Path) -> None:
    """Raise where a page cannot be written, before it is made.

    Raises:
        ReportNotWrittenError: it is a folder, or there is no such folder, or nobody may write there.
    """
    if path.is_dir():
        raise ReportNotWrittenError(f"{path} is a folder", "Name a file in it, for example report.html.")
    if not path.parent.is_dir():
        raise ReportNotWrittenError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise ReportNotWrittenError(f"{path} cannot be written: its folder is read-only")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("herdbook.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(day=words.day, moment=words.moment, sentence=words.sentence)
    return found
