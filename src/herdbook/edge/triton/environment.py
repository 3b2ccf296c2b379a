"""Where a Triton server is on this machine, and what it needs to start.

Two kinds of home are known. A *virtual environment* made by ``make triton`` holds the wheel ``nvidia-pytriton``, whose
server needs help to run outside of it: the folder of ``libpython``, the wheel's own libraries, the environment's
packages (NumPy below 2: with NumPy 2 tensors silently arrive empty), and a backend folder that joins the Python backend
with the stub of this Python. A *plain installation*, as on a Jetson, has ``bin/tritonserver`` and ``backends``.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import make_folder
from herdbook.errors import TritonError

HOME_VARIABLE = "HERDBOOK_TRITON"
"""Names the home; without it ``.venv-triton`` beside our own environment is taken, if it is there."""
_BESIDE = ".venv-triton"


@dataclass(frozen=True)
class TritonEnvironment:
    """What starts a server."""

    binary: Path
    backends: Path
    """Folder with one folder per backend."""
    variables: dict[str, str]
    """To be added to those of our own process."""


def triton_home() -> Path | None:
    """The home of this machine's Triton server, or none."""
    named = os.environ.get(HOME_VARIABLE)
    beside = [Path(sys.prefix).parent / _BESIDE, Path.cwd() / _BESIDE]
    return Path(named) if named else next((home for home in beside if home.is_dir()), None)


def find_triton(joined: Path) -> TritonEnvironment:
    """The server of this machine.

    Args:
        joined: folder in which backends are joined where they do not lie together; made if it is needed.

    Raises:
        TritonError: there is none.
    """
    home = triton_home()
    if home is None:
        raise TritonError("there is no Triton server here", f"Run `make triton`, or name its home in {HOME_VARIABLE}.")
    if (home / "bin" / "tritonserver").is_file():
        return TritonEnvironment(home / "bin" / "tritonserver", home / "backends", {})
    packages = next(home.glob("lib/python3.*/site-packages"), home)
    server = packages / "pytriton" / "tritonserver"
    if not (server / "bin" / "tritonserver").is_file():
        raise TritonError(f"{home} holds no Triton server", "Make it anew with `make triton`.")
    _join(server, joined / "python")
    libraries = (sysconfig.get_config_var("LIBDIR") or f"{sys.base_prefix}/lib", packages / "nvidia_pytriton.libs")
    variables = {
        "PATH": f"{home / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(home),
        "PYTHONPATH": str(packages),
        "LD_LIBRARY_PATH": ":".join(str(folder) for folder in libraries),
    }
    return TritonEnvironment(server / "bin" / "tritonserver", joined, variables)


def _join(server: Path, folder: Path) -> None:
    """The Python backend with the stub of this Python, as links."""
    make_folder(folder)
    stub = server / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}"
    for source in (*(server / "backends" / "python").iterdir(), *stub.iterdir()):
        link = folder / source.name
        if not link.is_symlink() or link.readlink() != source:
            link.unlink(missing_ok=True)
            try:
                link.symlink_to(source)
            except FileExistsError:  # another process of this device was quicker
                continue
            except OSError:  # a file system without links
                shutil.copy2(source, link)
