"""An evaluation as one JSON file: what was judged, on what, every figure, and the sums that figures are made from."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AwareDatetime, Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import FileName, Sha256, Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.learning.evaluation.compare import Estimates, differences, estimates, sliced
from herdbook.learning.evaluation.sequences import SLICES, Sequence
from herdbook.learning.evaluation.tally import Tally, shapes

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class Protocol(Contract):
    """What makes figures comparable."""

    iou: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Least overlap of a match."""
    long_s: Positive = 300.0
    """Sequences of at least this length judge lasting identity."""
    classes: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Behaviours that count, by index."""


class Footprint(Contract):
    """What a model costs where it runs; measured elsewhere and given here."""

    sku: Slug
    """Kind of device, for example ``orin-nano`` or ``cpu``."""
    peak_memory_bytes: Count | None = None
    latency_ms: Positive | None = None
    """Median of one frame through the whole engine."""
    size_bytes: Count | None = None
    """Of the files that are shipped."""


class Judged(Contract):
    """The engine that was evaluated."""

    release: ReleaseUse
    digest: Sha256
    """`predictions.Engine.digest`."""
    parameters: Count | None = None
    footprints: tuple[Footprint, ...] = ()
    frames_per_second: Positive | None = None
    """Of the recorder on the machine of the evaluation, decoding included."""


class Failure(Contract):
    """A frame in which much went wrong."""

    sequence_id: str
    frame: Count
    misses: Annotated[int, Field(ge=0)]
    false_positives: Annotated[int, Field(ge=0)]
    picture: FileName | None = None
    """Beside the report, with truth and prediction drawn."""


class Judgement(Contract):
    """One sequence and its sums: `tally.shapes`."""

    sequence: Sequence
    sums: dict[str, Any]

    def tally(self) -> Tally:
        """The sums as arrays."""
        return {name: np.asarray(value, np.float64) for name, value in self.sums.items()}


class Report(Contract):
    """An evaluation."""

    format: Literal["herdbook-evaluation/1"] = "herdbook-evaluation/1"
    made_at: AwareDatetime
    engine: Judged
    data: Annotated[str, Field(min_length=1)]
    """Name of the suite, golden set or folder."""
    protocol: Protocol
    overall: Estimates
    slices: tuple[Estimates, ...]
    failures: tuple[Failure, ...] = ()
    judgements: Annotated[tuple[Judgement, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [j.sequence.sequence_id for j in self.judgements]
        if len(set(names)) != len(names):
            raise ValueError("a sequence occurs twice")
        wanted = shapes(len(self.protocol.classes))
        for judgement in self.judgements:
            if {name: value.shape for name, value in judgement.tally().items()} != wanted:
                raise ValueError(f"{judgement.sequence.sequence_id}: its sums are not of this version")
        return self

    @property
    def sequences(self) -> list[Sequence]:
        """What was looked at, in the order of the tallies."""
        return [j.sequence for j in self.judgements]

    @property
    def tallies(self) -> list[Tally]:
        """The sums of each sequence."""
        return [j.tally() for j in self.judgements]


def make_report(
    made_at: datetime,
    engine: Judged,
    *,
    data: str,
    protocol: Protocol,
    sequences: Ordered[Sequence],
    tallies: Ordered[Tally],
    failures: Ordered[Failure] = (),
) -> Report:
    """A report with every figure, overall and by slice."""
    sums = [{name: np.asarray(value).tolist() for name, value in one.items()} for one in tallies]
    return Report(
        made_at=made_at,
        engine=engine,
        data=data,
        protocol=protocol,
        overall=estimates(sequences, tallies),
        slices=tuple(sliced(sequences, tallies)),
        failures=tuple(failures),
        judgements=tuple(Judgement(sequence=s, sums=t) for s, t in zip(sequences, sums, strict=True)),
    )


def write_report(path: Path, report: Report) -> str:
    """Write it; its SHA-256."""
    write_durably(path, (report.model_dump_json(indent=1) + "\n").encode())
    return sha256_of(path)


def read_report(path: Path) -> Report:
    """Read a report.

    Raises:
        NotFoundError: the file is not there.
        FileFormatError: it is not a report of this version.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no evaluation at {path}", "Make it with `herdbook learn evaluate`.") from error
    except ValidationError as error:
        problem = first_problem(error.errors())
        raise FileFormatError(
            f"{path} is not an evaluation: {problem}", "Make it again with `herdbook learn evaluate`."
        ) from error


class Comparison(Contract):
    """Challenger less champion on the same sequences."""

    overall: Estimates
    slices: tuple[Estimates, ...]


def compare(challenger: Report, champion: Report, by: Ordered[str] = SLICES) -> Comparison:
    """Differences, overall and by slice.

    Raises:
        InputError: they did not see the same sequences, or were judged differently.
    """
    if challenger.protocol != champion.protocol:
        raise InputError(
            "the two evaluations were judged by different protocols",
            "Evaluate both again with the same options and ethograms.",
        )
    theirs = {j.sequence.sequence_id: j for j in champion.judgements}
    ours = {s.sequence_id: s for s in challenger.sequences}
    only = sorted(set(ours) ^ set(theirs)) or sorted(k for k, s in ours.items() if s != theirs[k].sequence)
    if only:
        raise InputError(
            f"the two evaluations are not of the same sequences: {only[0]} differs" + _more(len(only) - 1),
            "Evaluate both on the same folder of sequences.",
        )
    others = [theirs[s.sequence_id].tally() for s in challenger.sequences]
    sequences, tallies = challenger.sequences, challenger.tallies
    return Comparison(
        overall=differences(sequences, tallies, others), slices=tuple(sliced(sequences, tallies, others, by))
    )


def _more(count: int) -> str:
    return f", and {count} more" if count else ""
