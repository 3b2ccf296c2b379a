"""``herdbook learn``: from footage to a model. Each command's body is in a module of its own, ``learn_*``."""

from __future__ import annotations

import typer

from herdbook.cli import (
    learn_ablate,
    learn_bridge,
    learn_contest,
    learn_dataset,
    learn_evaluate,
    learn_golden,
    learn_leave_out,
    learn_reproduce,
    learn_reread,
    learn_retrain,
    learn_review,
    learn_targets,
    learn_training,
)

app = typer.Typer(help="From footage to a model: datasets, teacher targets, training.", no_args_is_help=True)
app.command("sources")(learn_dataset.sources)
app.command("dataset")(learn_dataset.dataset)
app.command("targets")(learn_targets.targets)
for name, command in learn_training.COMMANDS.items():
    app.command(name)(command)
app.command("evaluate")(learn_evaluate.evaluate)
app.command("retrain")(learn_retrain.retrain)
app.command("reproduce")(learn_reproduce.reproduce)
app.command("ablate")(learn_ablate.ablate)
app.command("leave-out")(learn_leave_out.leave_out)
app.command("contest")(learn_contest.contest)
app.command("reread")(learn_reread.reread)
app.command("bridge")(learn_bridge.bridge)
app.add_typer(learn_golden.app, name="golden")
app.add_typer(learn_review.app, name="review")
