"""Parity fixtures: inputs with what a right engine says of them, and how far another right one may be from that.

A tolerance is measured, not guessed: what rounding every value to half precision changes, times a margin. So a right
engine in fp32, TF32 or fp16 keeps to it, and one with a wrong weight, layout or channel order does not.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.durable import write_durably
from herdbook.contracts.release import Fixture, Precision
from herdbook.errors import ReleaseNotProvedError
from herdnet.proof import fixture_error

Arrays = Mapping[str, NDArray[Any]]
Says = Callable[[Arrays], Arrays]
"""Outputs of a graph by name, of inputs by name."""

MARGIN = 2.0
"""How much further than the measured rounding an engine may be: other kernels sum in other orders."""
LEAST, MOST = 0.02, 0.25
"""Bounds of a tolerance: tighter ones fail by chance, wider ones let wrong engines pass."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Case:
    """An input, and a name for its file."""

    name: str
    inputs: Arrays


def write_fixtures(
    folder: Path,
    role: str,
    precision: Precision,
    cases: Sequence[Case],
    *,
    says: Says,
    rounded: Sequence[Says],
    outputs: Sequence[str],
) -> list[Fixture]:
    """One file per case, ``<role>.<precision>.<case>.npz``.

    Args:
        folder: of the release.
        role, precision: of the network.
        cases: inputs.
        says: the graph itself.
        rounded: the same graph as other machines would calculate it.
        outputs: those that are compared.

    Raises:
        ReleaseNotProvedError: rounding changes so much that no tolerance tells a right engine from a wrong one.
    """
    fixtures = []
    for case in cases:
        said = says(case.inputs)
        expected = {name: np.asarray(said[name], np.float32) for name in outputs}
        off = max(fixture_error(expected, other(case.inputs)) for other in rounded)
        if not off <= MOST:
            raise ReleaseNotProvedError(
                f"{role} in {precision.value}: rounding changes its answers by {off:.2f} of their spread on "
                f"'{case.name}', so that a right engine could not be told from a wrong one",
                "Release it in another precision (--precision), or train it longer: an untrained network does this.",
            )
        name = f"{role}.{precision.value}.{case.name}.npz"
        arrays = {f"input.{key}": value for key, value in case.inputs.items()}
        write_durably(folder / name, npz_bytes(arrays | {f"output.{key}": value for key, value in expected.items()}))
        tolerance = min(MOST, max(LEAST, _two_digits(MARGIN * off)))
        fixtures.append(Fixture(role=role, precision=precision, file=name, tolerance=tolerance))
    return fixtures


def npz_bytes(arrays: Arrays) -> bytes:
    """What `numpy.load` reads; equal arrays give equal bytes, whenever they are written."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, array in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue(), zipfile.ZIP_DEFLATED, 6)
    return out.getvalue()


def read_fixture(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Inputs and expected outputs by name."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    parts = {"input.": {}, "output.": {}}  # type: dict[str, dict[str, NDArray[Any]]]
    for name, array in arrays.items():
        for prefix, found in parts.items():
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = array
    return parts["input."], parts["output."]


def _two_digits(value: float) -> float:
    """Rounded up to two significant digits: a tolerance is no finer than that."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.6g}")
