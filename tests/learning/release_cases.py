"""A registry with a version that can be released in seconds: a student that finds ellipses, and a dataset of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from registry_cases import digest_of, origin

from herdbook.contracts.durable import make_folder
from herdbook.learning.datasets.manifest import Sources, write_manifest
from herdbook.learning.datasets.plan import DatasetPlan, Split
from herdbook.learning.datasets.tables import CLIPS, FRAMES, LABELS, write_rows
from herdbook.learning.formats.rle import Rle
from herdbook.learning.pixels import frame_id, png_bytes
from herdbook.learning.registry.models import COMPACT, Version, move_champion, register
from herdbook.learning.registry.tracking import start_run
from herdbook.ledger.models import Promotion, PromotionAction
from herdbook.ledger.promotions import history
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.released import HEIGHT, WIDTH, pictures, write_release

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LIGHTS = ("day", "dim", "infrared")


def ellipse_dataset(folder: Path, *, train: int, validation: int) -> Path:
    """A frozen dataset of labelled frames, the pictures that the student of `support.released` was taught on."""
    frames, masks = pictures(train + validation, seed=9000)
    rows, labels = [], []
    make_folder(folder / "frames")
    for k, (frame, shapes) in enumerate(zip(frames, masks, strict=True)):
        rgb = np.ascontiguousarray(frame[..., ::-1])
        name, content = frame_id(rgb), png_bytes(rgb)
        (folder / "frames" / f"{name}.png").write_bytes(content)
        rows.append(
            {
                "frame_id": name,
                "split": (Split.TRAIN if k < train else Split.VALIDATION).value,
                "site": "north",
                "camera_id": f"cam-{k % 2}",
                "device_id": "barn-1",
                "day": date(2026, 3, 2),
                "clip": "clip.mp4",
                "frame": k + 1,
                "at": AT,
                "width": WIDTH,
                "height": HEIGHT,
                "light": LIGHTS[k % 3],
                "luma": 100.0,
                "crowding": "apart" if k % 5 else "touching",
                "labelled": True,
                "bytes": len(content),
                "file": f"frames/{name}.png",
            }
        )
        for n, mask in enumerate(shapes):
            down, along = np.nonzero(mask)
            box = (along.min(), down.min(), np.ptp(along) + 1, np.ptp(down) + 1)
            labels.append(
                {
                    "frame_id": name,
                    "source": "made up",
                    "label": "pig",
                    **{key: float(value) for key, value in zip(("x", "y", "width", "height"), box, strict=True)},
                    "animal": f"pig-{n}",
                    "occluded": False,
                    "mask": list(Rle.encode(mask).counts),
                }
            )
    rows.sort(key=lambda row: row["frame_id"])
    write_rows(folder / "frames.parquet", FRAMES, rows)
    write_rows(folder / "labels.parquet", LABELS, labels)
    write_rows(folder / "clips.parquet", CLIPS, [])
    write_manifest(folder, DatasetPlan(frames=len(rows)), Sources(), rows, {})
    return folder


def taught_version(settings: Settings, folder: Path, *, dirty: bool = False, steps: int = 80) -> Version:
    """A registered version of the compact student, with its weights; `steps` as in `support.released`."""
    engine = write_release(folder / "engine", steps=steps, weights=folder / "weights")
    with start_run(settings, folder.name, origin(dirty=dirty)) as run:
        return register(run, COMPACT, sorted(engine.iterdir()), digest_of(folder.name), folder / "weights")


def crown(settings: Settings, version: Version) -> None:
    """Make it champion, whatever it can."""
    with ledger_session(settings) as session:
        decision = Promotion(action=PromotionAction.PROMOTE, to_version=version.number, decided_by="test")
        decision.model, decision.number = version.model, len(history(session, version.model)) + 1
        session.add(decision)
    move_champion(settings, version.model, version.number)
