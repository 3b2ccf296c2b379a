"""``herdbook evaluate reid``: does the platform recognise animals, night after night?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows

if TYPE_CHECKING:
    from herdbook.learning.reid.follow import Way
    from herdbook.learning.reid.nights import Night


def reid(
    *,
    truth: Annotated[Path | None, typer.Option(help="True tracks of a clip, in a supported format.")] = None,
    video: Annotated[Path | None, typer.Option(help="The clip; its halves are two nights.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="A herd's plan with embeddings, as of `simulate herd`; one of our own without.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of our own herd.", min=0)] = 1,
    nights: Annotated[int, typer.Option(help="Nights of the herd to follow.", min=2)] = 120,
    every: Annotated[int, typer.Option(help="Only every so many nights.", min=1)] = 5,
    strangers: Annotated[int, typer.Option(help="Animals nobody enrols; half of them are not on the roster.")] = 2,
    bits: Annotated[int, typer.Option(help="Bits in which embeddings are kept: 32, 8, 6, 5, 4, 3 or 2.")] = 32,
    threshold: Annotated[float, typer.Option(help="Confidence that counts as identified.", min=0, max=1)] = 0.6,
    as_json: JsonFlag = False,
) -> None:
    """Enrol animals on the first night, match them on the others, and compare with the truth.

    Rank-1 and mean average precision over one prototype per animal; identity F1, wrong and missed seconds; animals
    that nobody enrolled (open set); calibration, abstention; all of it by days since enrolment. With --truth and
    --video on a real clip, otherwise on a simulated herd.
    """
    from herdbook.errors import InputError
    from herdbook.learning.reid.figures import by_age, figures
    from herdbook.learning.reid.follow import follow

    if (truth is None) != (video is None):
        raise InputError("--truth and --video belong together", "Give both, or neither for a simulated herd.")
    found: list[Night]
    left_out: list[int] = []
    if truth is not None and video is not None:
        from herdbook.learning.reid.footage import halves

        found = halves(truth, video)
    else:
        found, left_out = _herd(plan, seed, nights, every, strangers)
    rows: list[dict[str, Any]] = []
    for way in _ways(bits, pools=truth is None):
        results = follow(found, way, strangers=left_out[::2], unlisted=left_out[1::2])
        for days, of in {"all": figures(results, threshold), **by_age(results, threshold)}.items():
            rows.append({"way": way.name, "days": days} | asdict(of))
    if as_json:
        print_json(rows)
        return
    console.print(f"{len(found)} nights, {sum(len(n.truth) for n in found)} tracklets, embeddings in {bits} bits")
    print_rows([{k: _shown(v) for k, v in row.items()} for row in rows], as_json=False)


def _herd(path: Path | None, seed: int, nights: int, every: int, strangers: int) -> tuple[list[Night], list[int]]:
    from herdbook.cli.simulate_herd import read_asked
    from herdbook.learning.reid.herd import hard_plan, herd_nights
    from herdbook.simulate.herd.plan import make_herd_plan

    plan = hard_plan(seed) if path is None else make_herd_plan(read_asked(path))
    found = [n for d in range(0, min(nights, plan.days), every) for n in herd_nights(plan, range(d, d + 1))]
    animals = sorted(found[0].pens) if found else []
    return found, animals[:: max(1, len(animals) // max(strangers, 1))][:strangers]


def _ways(bits: int, *, pools: bool) -> list[Way]:
    from herdbook.contracts.codes import decode, encode
    from herdbook.learning.reid.follow import Way, whole
    from herdbook.matching.pools import PoolOptions

    keep = whole if bits == 32 else lambda vectors: decode(*encode(vectors, bits))
    ways = [Way("enrolled looks alone", keep)]
    return [*ways, Way("pools", keep, pools=PoolOptions())] if pools else ways


def _shown(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
