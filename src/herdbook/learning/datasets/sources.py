"""What a dataset is drawn from, written down so that another run draws from the same: ``sources.json``.

Gathering looks at what there is now; resolving finds the same clips again by their content, wherever footage lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import Sha256, Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.learning.datasets.build import Inputs
from herdbook.learning.datasets.candidates import read_disagreement
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.farm_folder import SimulatorTruth, farm_folders
from herdbook.learning.datasets.golden import GoldenSet
from herdbook.learning.datasets.labels import AnnotatedFrames, LabelSource
from herdbook.learning.datasets.manifest import Sources
from herdbook.learning.formats.packages import read_annotations
from herdbook.settings import Settings


class GoldenVersion(Contract):
    """One version of a site's golden set."""

    site: Slug
    version: int
    sha256: Sha256


class GivenFile(Contract):
    """A file that somebody named."""

    path: Path
    sha256: Sha256


class SourceList(Contract):
    """The file."""

    format: Literal["herdbook-sources/1"] = "herdbook-sources/1"
    farm: Path | None = None
    """Simulated farms whose footage is used; the lake's if none."""
    clips: dict[str, Sha256] = Field(default_factory=dict)
    """``<device>/<day>/<clip>`` and its content."""
    simulator_truth: Path | None = None
    """Simulated farms whose exact truth labels the clips: named by somebody, never taken by itself."""
    golden: tuple[GoldenVersion, ...] = ()
    review: tuple[GoldenVersion, ...] = ()
    """What reviewers accepted and corrected."""
    people: tuple[GivenFile, ...] = ()
    """Annotations with the label ``person`` of frames that were examined for people."""
    disagreement: GivenFile | None = None


def gather(
    settings: Settings,
    *,
    farm: Path | None = None,
    sites: Sequence[str] = (),
    days: Sequence[date] = (),
    simulator_truth: Path | None = None,
    golden: Sequence[str] = (),
    review: Sequence[str] = (),
    people: Sequence[Path] = (),
    disagreement: Path | None = None,
) -> SourceList:
    """Write down what there is.

    Args:
        settings: where ledger, lake and footage are.
        farm: use the footage of simulated farms instead of the lake's.
        sites: only these farms.
        days: only these days.
        simulator_truth: folder of simulated farms whose truth may label their clips.
        golden: sites whose golden sets label frames, each in its newest version.
        review: sites whose reviewed frames label footage, as they are decided now.
        people: annotations of people in frames.
        disagreement: a table of where student and teacher differ.

    Raises:
        NotFoundError, NotInitialisedError: something named is not there.
    """
    clips = [clip for clip in _footage(settings, farm) if (not sites or clip.site in sites)]
    if simulator_truth is not None:
        farm_folders(simulator_truth)
    sets = [GoldenSet(settings, site) for site in golden]
    reviewed = [_reviewed(settings, site) for site in review]
    return SourceList(
        farm=farm.absolute() if farm else None,
        clips={_name(clip): clip.sha256 for clip in clips if not days or clip.day in days},
        simulator_truth=simulator_truth.absolute() if simulator_truth else None,
        golden=tuple(_newest(one) for one in sets),
        review=tuple(_newest(one) for one in reviewed),
        people=tuple(_given(path) for path in people),
        disagreement=_given(disagreement) if disagreement else None,
    )


def write_sources(path: Path, sources: SourceList) -> None:
    """Write ``sources.json``."""
    write_durably(path.absolute(), (sources.model_dump_json(indent=1) + "\n").encode())


def read_sources(path: Path) -> SourceList:
    """Read ``sources.json``.

    Raises:
        NotFoundError, FileFormatError: it is not there, or not such a file.
    """
    try:
        return SourceList.model_validate_json(path.read_bytes())
    except OSError as error:
        raise NotFoundError(f"there is no {path}", "Make it with `herdbook learn sources`.") from error
    except ValidationError as error:
        raise FileFormatError(f"{path}: {first_problem(error.errors())}", "Gather the sources again.") from error


def resolve(settings: Settings, sources: SourceList) -> Inputs:
    """Find what was written down.

    Raises:
        NotFoundError: a clip is gone, or is not what it was.
        FileFormatError: a file was altered.
    """
    there = {_name(clip): clip for clip in _footage(settings, sources.farm)}
    gone = [name for name, digest in sources.clips.items() if name not in there or there[name].sha256 != digest]
    if gone:
        raise NotFoundError(
            f"{len(gone)} of {len(sources.clips)} clips are gone or altered, first {gone[0]}",
            "Footage expires: restore the dataset itself with `dvc checkout`, or gather the sources again.",
        )
    clips = [there[name] for name in sources.clips]
    labels: list[LabelSource] = []
    for said, golden in _sets(settings, sources):
        if golden.digest(said.version) != said.sha256:
            raise FileFormatError(f"the {golden.kind} set of {said.site}, version {said.version}, was altered")
        labels.append(golden.labels(said.version))
        known = {(clip.device_id, clip.day, Path(clip.name).stem) for clip in clips}
        clips += [c for c in golden.clips(said.version) if (c.device_id, c.day, c.name) not in known]
    if sources.simulator_truth is not None:
        labels.append(SimulatorTruth(farm_folders(sources.simulator_truth)))
    people = [AnnotatedFrames(read_annotations(_unaltered(said)), "people") for said in sources.people]
    disagreement = read_disagreement(_unaltered(sources.disagreement)) if sources.disagreement else {}
    return Inputs(clips, labels, people, disagreement, _content(sources, labels))


def _sets(settings: Settings, sources: SourceList) -> Iterator[tuple[GoldenVersion, GoldenSet]]:
    """Sets that people labelled; where two speak of a clip, the golden one counts."""
    from herdbook.learning.review.labels import ReviewedFrames

    yield from ((said, GoldenSet(settings, said.site)) for said in sources.golden)
    yield from ((said, ReviewedFrames(settings, said.site)) for said in sources.review)


def _reviewed(settings: Settings, site: str) -> GoldenSet:
    from herdbook.learning.review.labels import freeze_reviewed

    return freeze_reviewed(settings, site)


def _newest(one: GoldenSet) -> GoldenVersion:
    return GoldenVersion(site=one.site, sha256=one.digest(), version=one.versions[-1])


def _content(sources: SourceList, labels: Sequence[LabelSource]) -> Sources:
    named = {f"golden {said.site}": said.sha256 for said in sources.golden}
    named |= {f"review {said.site}": said.sha256 for said in sources.review}
    if sources.simulator_truth is not None:
        named["simulator"] = "exact"
    named |= {f"people {k}": said.sha256 for k, said in enumerate(sources.people)}
    return Sources(
        footage="farm" if sources.farm else "lake",
        clips=sources.clips,
        labels=named,
        disagreement=sources.disagreement.sha256 if sources.disagreement else None,
    )


def _footage(settings: Settings, farm: Path | None) -> list[Clip]:
    if farm is not None:
        return [clip for folder in farm_folders(farm) for clip in folder.clips()]
    from herdbook.learning.datasets.lake_clips import lake_clips

    return lake_clips(settings)


def _name(clip: Clip) -> str:
    return f"{clip.device_id}/{clip.day.isoformat()}/{clip.name}"


def _given(path: Path) -> GivenFile:
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", "Check the path.")
    return GivenFile(path=path.absolute(), sha256=sha256_of(path))


def _unaltered(said: GivenFile) -> Path:
    if not said.path.is_file() or sha256_of(said.path) != said.sha256:
        raise InputError(f"{said.path} is gone or was altered since the sources were gathered", "Gather them again.")
    return said.path
