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
    old: Annotated[
        str | None,
        typer.Argument(help="Release before: its id, its folder, or motion-1.", metavar="OLD", show_default=False),
    ] = None,
    new: Annotated[str | None, typer.Argument(help="Release after.", metavar="NEW", show_default=False)] = None,
    *,
    rollout: Annotated[
        int | None,
        typer.Option(
            help="Instead of OLD and NEW: what most devices of this rollout ran before, and what they run since. "
            "That there is nothing to read is an answer then.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="Footage of this device only.", show_default=False)] = None,
    clips: Annotated[
        int | None,
        typer.Option(
            help="How many clips both read, at most; HERDBOOK_BRIDGE_CLIPS if not given.",
            min=2,
            max=10_000,
            show_default=False,
        ),
    ] = None,
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
    if {old is None, new is None} != {rollout is not None}:
        raise typer.BadParameter("say OLD and NEW, or --rollout")
    go_on_in_learning_python()
    from herdbook.errors import EmptyDatasetError, NotFoundError
    from herdbook.lake.attach import open_lake
    from herdbook.learning.bridge.releases import release_engine, releases_of
    from herdbook.learning.bridge.run import bridge as run
    from herdbook.learning.bridge.run import chosen_clips

    settings = get_settings()
    if rollout is not None:
        old, new = releases_of(settings, rollout)
    assert new is not None
    try:
        if old is None:
            raise NotFoundError(f"no device changed its release in rollout {rollout}")
        before, after = release_engine(settings, old), release_engine(settings, new)
        chosen = chosen_clips(settings, clips, device_id=device, since=since, until=until)
    except (NotFoundError, EmptyDatasetError) as error:
        if rollout is None:
            raise
        _show_none(old, new, error.message, as_json=as_json)
        return
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


def _show_none(old: str | None, new: str, why: str, *, as_json: bool) -> None:
    told = {"bridge_id": None, "from_release_id": old, "to_release_id": new, "clips": 0, "seconds": 0.0, "new": False}
    print_rows([told | {"remark": why}] if as_json else [], as_json=as_json)
    console.print(f"nothing was read: {why}", markup=False, soft_wrap=True)
