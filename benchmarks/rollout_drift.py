"""How often the gate of drift stops a rollout, on simulated clips: wrongly, and rightly."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from benchmarks.rounds import rounds
from herdbook.fleet.rollout.drift import drift
from herdbook.fleet.rollout.gates import Say
from herdbook.fleet.rollout.policy import read_policy
from support.clips import Noise, read_twice

WAVES = 1000
CLIPS = (6, 12, 48)
MODELS = {
    "the same model, read twice": Noise(),
    "the same model, one fifth of the time mistaken": Noise(flip=0.2),
    "calls every pig lying": Noise(all_lying=True),
    "misses half of the animals": Noise(animals=0.5),
    "sees 2.5 times the identities": Noise(identities=2.5),
}
RESULTS = Path(__file__).parent / "results" / "rollout-drift.md"


def run() -> list[dict[str, Any]]:
    """Share of waves that are stopped, by model and number of clips."""
    limits = read_policy().drift
    stopped = dict.fromkeys([(name, clips) for name in MODELS for clips in CLIPS], 0)
    for seed in rounds(WAVES - 1, "simulated waves"):
        for (name, clips), count in stopped.items():
            word = drift(read_twice(Random(seed), clips, MODELS[name]), limits, required=False)
            stopped[name, clips] = count + (word.say is Say.STOP)
    shares = {key: count / WAVES for key, count in stopped.items()}
    lines = [f"| {name} | " + " | ".join(f"{shares[name, clips]:.3f}" for clips in CLIPS) + " |" for name in MODELS]
    head = f"| share of {WAVES:,} waves stopped | " + " | ".join(f"{clips} clips" for clips in CLIPS) + " |"
    rule = "| --- |" + " --- |" * len(CLIPS)
    RESULTS.write_text("\n".join(["`python -m benchmarks rollout_drift`", "", head, rule, *lines, ""]))
    return [{"model": name, **{f"{clips} clips": shares[name, clips] for clips in CLIPS}} for name in MODELS]
