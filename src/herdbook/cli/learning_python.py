"""The interpreter that trains, if it is not this one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from herdbook.errors import ConfigurationError
from herdbook.settings import get_settings

_NAME = "HERDBOOK_LEARNING_PYTHON"


def go_on_in_learning_python() -> None:
    """Become the same command under ``HERDBOOK_LEARNING_PYTHON``: code, libraries and origin are all of that one.

    Raises:
        ConfigurationError: it cannot be run.
    """
    said = get_settings().learning_python
    if not said:
        return
    program = shutil.which(said)
    if program is None:
        raise ConfigurationError(f"{_NAME}: {said} cannot be run", "Name an interpreter that has herdbook[learning].")
    if Path(program).absolute() != Path(sys.executable).absolute():
        sys.stdout.flush()
        os.execve(program, [program, "-m", "herdbook", *sys.argv[1:]], {**os.environ, _NAME: ""})  # noqa: S606
