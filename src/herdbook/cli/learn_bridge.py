"""``herdbook learn bridge``: what a change of model alone does, measured on footage that both models read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from herdbook.cli.day import FirstDay, LastDay
from herdbook.cli.learning_python import go_on_in_learning_python
from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.settings import get_settings

_BEHAVIOURS = (
    "SELECT behaviour, from_share, to_share, difference, low, high, level, units FROM bridge.behaviour"
    " WHERE bridge_id = ? ORDER BY abs(difference) DESC NULLS LAST, behaviour"
)
_SPACE = "SELECT * EXCLUDE (bridge_id) FROM bridge.space WHERE bridge_id = ?"
_RUN = (
    "SELECT bridge_id, from_release_id, to_release_id, len(clips) AS clips, seconds FROM bridge.run WHERE bridge_id = ?"
)


def bridge(
    old: Annotated[str, typer.Argument(help="Release before: its id, its folder, or motion-1.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="Release after.", metavar="NEW")],
    *,
    device: Annotated[str | None, typer.Option(help="Footage of this device only.", show_default=False)] = None,
    clips: Annotated[int, typer.Option(help="How many clips both read, at most.", min=2, max=10_000)] = 48,
    since: FirstDay = None,
    until: LastDay = None,
    again: Annotated[bool, typer.Option("--again", help="Though these releases have read these clips.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read archived footage with two releases and store what the change of model alone does.

    Per behaviour the difference in its share of time, with an interval; between the embedding spaces a map with its
    error on footage that it was not made from. Tables `bridge_behaviour` and `bridge_space`. Interrupted, the same
    command goes on; what was measured on the same clips is not measured again.
    """
    go_on_in_learning_python()
    from herdbook.lake.attach import open_lake
    from herdbook.learning.bridge.releases import release_engine
    from herdbook.learning.bridge.run import bridge as run
    from herdbook.learning.bridge.run import chosen_clips

    settings = get_settings()
    before, after = release_engine(settings, old), release_engine(settings, new)
    chosen = chosen_clips(settings, clips, device_id=device, since=since, until=until)
    with steps_bar(log=True) as progress:
        made = run(settings, before, after, chosen, again=again, progress=progress)
    with open_lake(settings, read_only=True) as lake:

        def rows(query: str) -> list[dict[str, Any]]:
            found = lake.execute(query, [made.bridge_id])
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        (told,), (space,), behaviours = rows(_RUN), rows(_SPACE), rows(_BEHAVIOURS)
    if as_json:
        print_rows([told | {"new": made.new, "space": space, "behaviours": behaviours}], as_json=True)
        return
    if not made.new:
        console.print("these releases have read these clips before: nothing was read")
    print_rows(
        behaviours, title=f"{told['from_release_id']} to {told['to_release_id']}, {told['clips']} clips", as_json=False
    )
    print_rows([space], title="embedding spaces", as_json=False)
