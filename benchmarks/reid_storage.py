"""What an animal's looks cost to keep for a year, and what each code costs in re-identification.

Bytes are those of Parquet with zstd as the lake writes it, all columns of ``record.embedding``, at the reference rate
of 7 embeddings per hour (61,320 a year) of 384 dimensions. Loss is against float32 on the same nights of the
harness's hard herds, in percentage points: rank-1 and mean average precision of tracklets against one prototype per
animal, enrolled looks alone, and of single embeddings against single embeddings of the first night.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from sklearn.cluster import MiniBatchKMeans

from herdbook.contracts.codes import decode, encode
from herdbook.learning.evaluation.reid import ranks
from herdbook.learning.reid.follow import ENROLLED_TRACKLETS
from herdbook.learning.reid.herd import hard_plan, herd_nights
from herdbook.learning.reid.nights import Night, looks_of
from herdbook.matching.evidence import References, cosines_by_light

SEEDS = (1,)
DAYS = tuple(range(5, 120, 5))
PER_YEAR = 7 * 24 * 365
PAPER_MB = 94.0
AIM_MB, AIM_PP = 12.0, 0.5
QUERIES, GALLERY = 150, 1000
"""Single embeddings per night that are asked for, and of the first night that they are compared with."""
WRITTEN = 4
"""Nights by which bytes are measured."""
RESULTS = Path(__file__).parent / "results"
PLOT = Path(__file__).parents[1] / "docs" / "images" / "reid-storage.png"
Vectors = np.ndarray


@dataclass(frozen=True)
class Code:
    """A way to keep embeddings."""

    name: str
    keep: Callable[[Vectors], Vectors]
    columns: Callable[[Vectors], dict[str, pa.Array]]
    """What is written of them."""
    each: str = "embedding"
    """What is kept: every embedding, or one mean per tracklet."""


def run() -> list[dict[str, Any]]:
    """One row per code: megabytes a year, and percentage points of rank-1 lost. Kept after every night."""
    firsts = {seed: next(herd_nights(hard_plan(seed), range(1))) for seed in SEEDS}
    codes = _codes(firsts[SEEDS[0]].vectors)
    known = {seed: [_Known.of(code, night) for code in codes] for seed, night in firsts.items()}
    sums = {code.name: np.zeros(6) for code in codes}
    written = [firsts[SEEDS[0]]]
    table: list[dict[str, Any]] = []
    for day, seed in product(DAYS, SEEDS):
        for night in herd_nights(hard_plan(seed), range(day, day + 1)):
            if not len(night.tracklet):  # the camera failed
                continue
            for code, knows in zip(codes, known[seed], strict=True):
                sums[code.name] += knows.scores(code, night)
            written = [*written, night][:WRITTEN]
        table = _table_of(codes, sums, written)
        _keep(table)
    return [
        {
            "name": row["code"],
            "ours": row["mb_per_year"],
            "baseline": PAPER_MB,
            "unit": f"MB per animal and year; rank-1 lost {row['rank1_lost_pp']:+.2f} pp, single "
            f"{row['rank1_single_lost_pp']:+.2f} pp",
            "ratio": round(PAPER_MB / row["mb_per_year"], 2),
            "aim": AIM_MB,
        }
        for row in table
    ]


def _table_of(codes: list[Code], sums: dict[str, np.ndarray], written: list[Night]) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = []
    for code in codes:
        queries, rank1, precision, single, rank1_single, precision_single = sums[code.name]
        table.append(
            {
                "code": code.name,
                "each": code.each,
                "mb_per_year": round(_bytes_per_year(code, written) / 1e6, 2),
                "queries": int(queries),
                "queries_single": int(single),
                "rank1": rank1 / queries,
                "mean_ap": precision / queries,
                "rank1_single": rank1_single / single,
                "mean_ap_single": precision_single / single,
            }
        )
    for row in table:
        for figure in ("rank1", "mean_ap", "rank1_single", "mean_ap_single"):
            row[f"{figure}_lost_pp"] = round(100 * (table[0][figure] - row[figure]), 2)
    return table


def _keep(table: list[dict[str, Any]]) -> None:
    found = {"embeddings_per_year": PER_YEAR, "seeds": list(SEEDS), "days": list(DAYS), "table": table}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "reid-storage.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    plot(table, PLOT)


@dataclass(frozen=True)
class _Known:
    """The first night of a herd in one code: what is enrolled, and every embedding."""

    references: References
    gallery: Vectors
    names: np.ndarray

    @classmethod
    def of(cls, code: Code, night: Night) -> _Known:
        looks = looks_of(night, code.keep)
        truth = night.truth[looks.tracklets]
        of_animal = [np.flatnonzero(truth == a) for a in np.unique(truth)]
        best = [r[np.argsort(-looks.weight[r], kind="stable")[:ENROLLED_TRACKLETS]] for r in of_animal]
        rows = np.concatenate(best)
        some = np.linspace(0, len(night.tracklet) - 1, GALLERY).astype(int)
        references = References(looks.space_id, truth[rows], looks.mean[rows])
        return cls(references, _unit(code.keep(night.vectors[some])), night.truth[night.tracklet[some]])

    def scores(self, code: Code, night: Night) -> np.ndarray:
        """Queries, right first answers and summed precision: of tracklets, then of single embeddings."""
        looks = looks_of(night, code.keep)
        same = night.truth[looks.tracklets][:, None] == np.unique(self.references.animals)[None, :]
        of_tracklets = ranks(cosines_by_light(looks, self.references), same)
        rows = np.linspace(0, len(night.tracklet) - 1, QUERIES).astype(int)
        asked = _unit(code.keep(night.vectors[rows]))
        same = night.truth[night.tracklet[rows]][:, None] == self.names[None, :]
        return np.array([*of_tracklets, *ranks(asked @ self.gallery.T, same)])


def _bytes_per_year(code: Code, nights: list[Night]) -> float:
    """Of one animal: nights as they are written, scaled to a year at the reference rate."""
    rows = sum(len(n.tracklet) for n in nights)
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as folder:
        tables = [_table(code, night) for night in nights if len(night.tracklet)]
        path = Path(folder) / "embedding.parquet"
        whole = pa.concat_tables(tables)
        if pa.types.is_list(whole["vector"].type):
            with duckdb.connect() as db:
                db.register("written", whole)
                db.execute(f"COPY written TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        else:  # types that DuckDB does not write
            pq.write_table(whole, path, compression="zstd")
        return path.stat().st_size / rows * PER_YEAR


def _table(code: Code, night: Night) -> pa.Table:
    vectors, tracklet, at = night.vectors, night.tracklet, night.seen_s
    if code.each == "tracklet":
        tracklet, first = np.unique(night.tracklet, return_index=True)
        vectors = np.stack([vectors[night.tracklet == t].mean(axis=0) for t in tracklet]).astype(np.float32)
        at = at[first]
    n = len(vectors)
    load = f"2026-03-{night.number % 28 + 1:02d}:barn-a-1:r1:0123456789ab"
    return pa.table(
        {
            "load_id": [load] * n,
            "tracklet_id": [f"barn-a-1:2026-03-{night.number % 28 + 1:02d}:cam-1:{t:05d}" for t in tracklet],
            "at": pa.array((at * 1e6).astype(np.int64)).cast(pa.timestamp("us", tz="UTC")),
            "space_id": ["compact-7"] * n,
            **code.columns(vectors),
            "quality": pa.array(np.round(np.linspace(0.4, 1, n), 3).astype(np.float32)),
            "clip": [f"cam-1_{k // 8:06d}.mp4" for k in range(n)],
            "release_id": ["compact-7"] * n,
        }
    )


def _codes(sample: Vectors) -> list[Code]:
    whole = [Code("float32", lambda v: v, lambda v: {"vector": _lists(v.astype(np.float32))})]
    half = Code(
        "float16",
        lambda v: v.astype(np.float16).astype(np.float32),
        lambda v: {"vector": _fixed(v.astype(np.float16).tobytes(), len(v))},
    )
    even = [
        Code(f"int{bits}", lambda v, b=bits: decode(*encode(v, b)), lambda v, b=bits: _even(v, b))
        for bits in (8, 6, 5, 4, 3, 2)
    ]
    signs = Code(
        "1 bit (signs)",
        lambda v: np.where(v >= 0, 1, -1).astype(np.float32),
        lambda v: {"vector": _fixed(np.packbits(v >= 0, axis=1).tobytes(), len(v))},
    )
    tracklets = [Code("mean per tracklet, int8", even[0].keep, even[0].columns, "tracklet")]
    tracklets += [Code("mean per tracklet, int4", even[3].keep, even[3].columns, "tracklet")]
    return [*whole, half, *even, signs, _product(sample, 48), _product(sample, 96), *tracklets]


def _even(vectors: Vectors, bits: int) -> dict[str, pa.Array]:
    codes, scale = encode(vectors, bits)
    return {"vector": _lists(codes), "scale": pa.array(scale)}


def _product(sample: Vectors, parts: int) -> Code:
    """Product quantisation (Jégou et al. 2011, doi:10.1109/TPAMI.2010.57): a byte for each of so many parts."""
    width = sample.shape[1] // parts
    books = [
        MiniBatchKMeans(256, n_init=1, max_iter=20, batch_size=2048, random_state=0)
        .fit(sample[:, k * width : (k + 1) * width])
        .cluster_centers_.astype(np.float32)
        for k in range(parts)
    ]

    def codes(vectors: Vectors) -> Vectors:
        split = vectors.reshape(len(vectors), parts, width)
        near = [(-2 * split[:, k] @ book.T + (book**2).sum(axis=1)).argmin(axis=1) for k, book in enumerate(books)]
        return np.stack(near, axis=1).astype(np.uint8)

    def keep(vectors: Vectors) -> Vectors:
        return np.concatenate([books[k][column] for k, column in enumerate(codes(vectors).T)], axis=1)

    return Code(f"product, {parts} bytes", keep, lambda v: {"vector": _fixed(codes(v).tobytes(), len(v))})


def _lists(values: Vectors) -> pa.Array:
    offsets = pa.array(np.arange(len(values) + 1, dtype=np.int32) * values.shape[1])
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))


def _fixed(raw: bytes, n: int) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(len(raw) // n), n, [None, pa.py_buffer(raw)])


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def plot(table: list[dict[str, Any]], path: Path) -> None:
    """Megabytes a year against rank-1 lost, readable without colour: names stand beside the points."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    for figure_name, mark, label in (
        ("rank1_lost_pp", "o", "tracklets (what the platform does)"),
        ("rank1_single_lost_pp", "x", "single embeddings"),
    ):
        axes.scatter(
            [r["mb_per_year"] for r in table], [r[figure_name] for r in table], marker=mark, color="black", label=label
        )
    for row in table:
        at = (row["mb_per_year"], max(row["rank1_lost_pp"], row["rank1_single_lost_pp"]))
        axes.annotate(row["code"], at, xytext=(4, 6), textcoords="offset points", fontsize=8, rotation=35)
    axes.axhline(AIM_PP, linestyle="--", color="grey", linewidth=1)
    axes.axvline(AIM_MB, linestyle="--", color="grey", linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel("MB per animal and year (7 embeddings an hour; dashed: the aim, 12 MB and 0.5 points)")
    axes.set_ylabel("rank-1 lost, percentage points")
    axes.legend(loc="upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
