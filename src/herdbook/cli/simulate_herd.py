"""``herdbook simulate herd``: years of records of thousands of animals, without pixels."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from herdbook.cli.day import parse_day
from herdbook.cli.output import JsonFlag, console, print_json
from herdbook.cli.progress import count_bar


def herd(
    out: Annotated[Path, typer.Argument(help="Folder to write; an interrupted herd in it is continued.")],
    *,
    plan: Annotated[
        Path | None,
        typer.Option(help="YAML with any of the plan's fields; options given here go over it.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same plan gives the same bytes.", show_default="0")] = None,
    days: Annotated[int | None, typer.Option(help="Days of records.", show_default="365")] = None,
    start_day: Annotated[
        date | None,
        typer.Option(parser=parse_day, metavar="YYYY-MM-DD", help="First farm-local day.", show_default="2023-01-02"),
    ] = None,
    farm_id: Annotated[str | None, typer.Option(help="The farm's id.", show_default="herd-farm")] = None,
    species: Annotated[str | None, typer.Option(help="pig or calf.", show_default="pig")] = None,
    devices: Annotated[int | None, typer.Option(help="Devices, each with pens of its own.", show_default="5")] = None,
    pens: Annotated[int | None, typer.Option(help="Pens per device.", show_default="10")] = None,
    animals: Annotated[int | None, typer.Option(help="Places per pen.", show_default="20")] = None,
    embeddings: Annotated[
        float | None, typer.Option(help="Embeddings per animal and hour; the reference is 7.", show_default="0")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Parts made at once, one process each.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Behaviour, coverage, tracklets, identity claims, embeddings, labels and roster of a herd under a known truth.

    Illness follows a hazard that is log-linear in a measured exposure, or an onset that shifts behaviour before it is
    seen: `truth` in the plan. OUT/parts is loaded with `herdbook lake bulk OUT`; OUT/truth is for those who validate.
    Fields and their meaning are in herdbook.simulate.herd.plan, what is written in herdbook.simulate.herd.run.
    """
    given = {
        "seed": seed,
        "days": days,
        "start_day": start_day,
        "farm_id": farm_id,
        "species": species,
        "devices": devices,
        "pens_per_device": pens,
        "animals_per_pen": animals,
    }
    asked = read_asked(plan) | {name: value for name, value in given.items() if value is not None}
    if embeddings is not None:
        asked["detail"] = {**(asked.get("detail") or {}), "embeddings_per_hour": embeddings}
    from herdbook.simulate.herd.plan import make_herd_plan
    from herdbook.simulate.herd.run import planned_animal_days, simulate_herd

    made = make_herd_plan(asked)
    with count_bar("simulating", planned_animal_days(made)) as drawn:
        written = simulate_herd(made, out, drawn, jobs=jobs)
    said = {
        "folder": out,
        "parts": len(written),
        "skipped": sum(part.skipped for part in written),
        "rows": sum(part.rows for part in written),
    }
    if as_json:
        print_json(said)
    else:
        console.print(
            f"{out}: {said['rows']} rows in {said['parts']} parts ({said['skipped']} were there) and their truth are"
            f" written. Load them with: herdbook lake bulk {out}",
            soft_wrap=True,
        )


def read_asked(path: Path | None) -> dict[str, Any]:
    """What a plan's file asks for.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not YAML with fields.
    """
    if path is None:
        return {}
    import yaml

    from herdbook.errors import ConfigurationError, NotFoundError

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFoundError(f"there is no plan {path}", "Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path.name} does not hold a plan's fields")
    return found
