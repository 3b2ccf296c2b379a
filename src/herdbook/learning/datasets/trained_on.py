"""What a study needs to know of a dataset: the footage that a release learnt from."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.validation import first_problem
from herdbook.errors import FileFormatError
from herdbook.learning.datasets.manifest import FILE, read_manifest
from herdbook.studies.training import TrainedOn


def trained_on(release: str, folder: Path) -> TrainedOn:
    """The device days of a dataset's clips, whatever their split: held-out clips chose the model too.

    Args:
        release: that was trained on it.
        folder: of the dataset.

    Raises:
        NotFoundError: it is no dataset.
        FileFormatError: its manifest cannot be read, or it was not made of the lake's footage.
    """
    days: dict[str, set[str]] = {}
    for clip in read_manifest(folder).sources.clips:
        device, _, rest = clip.partition("/")
        days.setdefault(device, set()).add(rest.partition("/")[0])
    stated = {
        "release": release,
        "footage": {device: sorted(found) for device, found in sorted(days.items())},
        "dataset": sha256_of(folder / FILE),
    }
    try:
        return TrainedOn.model_validate(stated)
    except ValidationError as error:
        raise FileFormatError(
            f"{folder / FILE} names no device days: {first_problem(error.errors())}",
            "State what the release was trained on by hand; see docs/epidemiologist.md.",
        ) from error
