"""``herdbook learn golden``: frames that people annotated, out and back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.learning.formats.packages import Pictures

app = typer.Typer(help="Golden sets: frames that people annotated, by site.", no_args_is_help=True)

Format = Literal["coco", "cvat", "cvat-video", "yolo", "motchallenge", "edinburgh"]
Out = Literal["coco", "cvat", "cvat-video"]


@app.command("import")
def take(
    site: Annotated[str, typer.Argument(help="The farm.")],
    file: Annotated[Path, typer.Argument(help="Annotations: a file, a folder, or a zip with pictures.")],
    *,
    annotation_format: Annotated[
        Format | None, typer.Option("--format", help="Told by the content if not given.", show_default=False)
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder or zip with the pictures, or the video that tracks are of.")
    ] = None,
    ethogram: Annotated[str, typer.Option(help="What animals and behaviours there are.")] = "pig-9",
    label: Annotated[
        list[str] | None, typer.Option(metavar="THEIRS=OURS", help="A class and what it is here; may be repeated.")
    ] = None,
    cut: Annotated[bool, typer.Option(help="Cut boxes at the frame's edge instead of refusing them.")] = False,
    every: Annotated[int, typer.Option(help="Of a video, take every n-th annotated frame.")] = 1,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When pictures were taken that are not ours.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add annotations to a site's golden set as its next version: all of them, or an error and nothing.

    Reads COCO, CVAT 1.1 (images and video), YOLO, MOTChallenge and Edinburgh output.json.
    """
    from herdbook.contracts.ethogram import load_ethogram
    from herdbook.learning.datasets.given_video import is_video, thinned, video_pictures, video_size
    from herdbook.learning.datasets.golden import GoldenSet
    from herdbook.learning.formats.packages import AnnotationFormat, open_pictures, read_annotations

    known = load_ethogram(ethogram)
    video = pictures if pictures is not None and is_video(pictures) else None
    annotations = thinned(
        read_annotations(
            file,
            AnnotationFormat(annotation_format) if annotation_format else None,
            label=known.species,
            size=video_size(video) if video else None,
        ),
        every,
    )
    golden = GoldenSet(get_settings(), _slug(site))
    names = dict(_pair(one) for one in label or ())

    def add(found: Pictures) -> None:
        done = golden.take(annotations, found, known, rename=names, cut=cut, day=day.date() if day else None)
        if as_json:
            print_json(vars(done))
            return
        for remark in done.remarks:
            console.print(remark, style="dim", markup=False)
        print_rows([{k: v for k, v in vars(done).items() if k != "remarks"}], as_json=False)

    if video is not None:
        with video_pictures(video, [p.name for p in annotations.pictures]) as found:
            add(found)
    else:
        with open_pictures(*(place for place in (pictures, file) if place is not None)) as found:
            add(found)


@app.command("export")
def give(
    site: Annotated[str, typer.Argument(help="The farm.")],
    file: Annotated[Path, typer.Argument(help="File to write; with pictures if its name ends in .zip.")],
    *,
    annotation_format: Annotated[Out, typer.Option("--format", help="What to write.")] = "coco",
    version: Annotated[int | None, typer.Option(help="The newest if not given.")] = None,
) -> None:
    """Write a golden set as it was imported, pictures under the names they came with."""
    from herdbook.learning.datasets.golden import GoldenSet
    from herdbook.learning.formats.packages import AnnotationFormat, write_package

    golden = GoldenSet(get_settings(), _slug(site))
    ours, theirs = golden.read(version), golden.given_back(version)
    paths = ((new.name, golden.picture(old.name)) for old, new in zip(ours.pictures, theirs.pictures, strict=True))
    write_package(file, theirs, AnnotationFormat(annotation_format), ((n, p.read_bytes()) for n, p in paths))
    console.print(f"{file}: {len(theirs.pictures)} pictures, {len(theirs.shapes)} shapes", markup=False)


@app.command("draw")
def draw(
    dataset: Annotated[Path, typer.Argument(help="A dataset's folder.")],
    file: Annotated[Path, typer.Argument(help="Zip to write, for an annotation tool.")],
    *,
    annotation_format: Annotated[Out, typer.Option("--format", help="What the tool reads.")] = "cvat",
    split: Annotated[str, typer.Option(help="Side of the split to draw from.")] = "test",
    frames: Annotated[int, typer.Option(help="At most so many.")] = 100,
    labels: Annotated[bool, typer.Option(help="Give the dataset's labels along, to be corrected.")] = False,
) -> None:
    """Give out frames to be annotated. Their names say which frames they are, so that labels find back."""
    from herdbook.contracts.ethogram import load_ethogram
    from herdbook.learning.datasets.drawing import drawn
    from herdbook.learning.datasets.reading import Dataset
    from herdbook.learning.formats.packages import AnnotationFormat, write_package

    source = Dataset(dataset)
    annotations, pictures = drawn(source, load_ethogram(source.manifest.plan.ethogram), split, frames, labels=labels)
    write_package(file, annotations, AnnotationFormat(annotation_format), pictures)
    console.print(f"{file}: {len(annotations.pictures)} pictures to annotate", markup=False)


def _slug(site: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from herdbook.contracts.identifiers import Slug

    try:
        return TypeAdapter(Slug).validate_python(site)
    except ValidationError as error:
        raise typer.BadParameter(f"'{site}' is no farm's id", param_hint="SITE") from error


def _pair(text: str) -> tuple[str, str]:
    theirs, equals, ours = text.partition("=")
    if not (theirs and equals and ours):
        raise typer.BadParameter(f"'{text}': say THEIRS=OURS", param_hint="--label")
    return theirs, ours
