"""``herdbook model``: what the networks are."""

from __future__ import annotations

import typer

from herdbook.cli.output import JsonFlag, print_json, print_rows

app = typer.Typer(help="The networks.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the group a group while it has one command."""


@app.command()
def describe(*, as_json: JsonFlag = False) -> None:
    """Parameters of teacher, student and the systems they stand in, counted from the real classes.

    No weights are needed or allocated. The ratio is the teacher's system over the student's. The compact student is
    the edge's own network, and the embedder says who an animal is.
    """
    from herdbook.learning.sizes import network_sizes

    sizes = network_sizes()
    if as_json:
        print_json(sizes)
        return
    rows = [
        {"network": name, "part": part, "parameters": f"{count / 1e6:.2f} M"}
        for name, parts in sizes.items()
        if isinstance(parts, dict)
        for part, count in parts.items()
    ]
    print_rows(rows, as_json=False, title=f"teacher system / student system = {sizes['ratio']:.2f}")
