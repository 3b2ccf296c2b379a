"""What people decided, as labels: versions like a golden set's, but for learning."""

from __future__ import annotations

from dataclasses import replace

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import EmptyDatasetError, NotFoundError
from herdbook.learning.datasets.golden import GoldenSet
from herdbook.learning.formats.annotations import Annotations
from herdbook.learning.formats.coco import coco_bytes
from herdbook.learning.review.frames import CORRECTED, ReviewFrames, name_of
from herdbook.ledger.models import ReviewItem, ReviewState
from herdbook.ledger.reviews import items
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


class ReviewedFrames(GoldenSet):
    """The accepted and corrected frames of one site."""

    kind = "review"

    def read(self, version: int | None = None) -> Annotations:
        """A version, the newest if none is named.

        Raises:
            NotFoundError: nothing of the site was accepted or corrected yet, or there is no such version.
        """
        try:
            return super().read(version)
        except NotFoundError as error:
            raise NotFoundError(error.message.replace("golden set", "set of reviewed frames"), _REMEDY) from error


_REMEDY = "Accept or correct frames first: `herdbook learn review list`."


def freeze_reviewed(settings: Settings, site: str) -> ReviewedFrames:
    """A site's decisions as a version; the newest one where nothing was decided since.

    Of several decisions about one frame the last counts.

    Raises:
        EmptyDatasetError: nothing of the site was accepted or corrected.
        NotFoundError: what a decision is about is gone.
    """
    with ledger_session(settings) as session:
        decided = items(session, (ReviewState.ACCEPTED, ReviewState.CORRECTED), site=site)
    if not decided:
        raise EmptyDatasetError(f"no frame of {site} was accepted or corrected", _REMEDY)
    kept = ReviewFrames(settings, site)
    said: dict[str, Annotations] = {}
    for item in sorted(decided, key=_when):
        said[name_of(item)] = kept.side(item, item.side or CORRECTED)
    parts = [said[name] for name in sorted(said)]
    content = coco_bytes(_joined(site, parts))
    reviewed = ReviewedFrames(settings, site)
    folder = make_folder(reviewed.folder / "annotations")
    last = reviewed.versions[-1:]
    newest = folder / f"{last[0]:04d}.json" if last else None
    if newest is None or newest.read_bytes() != content:
        write_durably(folder / f"{(last or [0])[0] + 1:04d}.json", content)
    return reviewed


def _when(item: ReviewItem) -> tuple[float, int]:
    assert item.decided_at is not None, "it was decided"
    return item.decided_at.timestamp(), item.item_id


def _joined(site: str, parts: list[Annotations]) -> Annotations:
    """Pictures and shapes of several files, each numbered anew."""
    return Annotations(
        site,
        tuple(replace(picture, extra={}) for part in parts for picture in part.pictures),
        tuple(dict.fromkeys(label for part in parts for label in part.labels)),
        tuple(replace(shape, extra={}) for part in parts for shape in part.shapes),
    )
