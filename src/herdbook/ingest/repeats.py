"""Rows that say again what an earlier row said: equal keys, and intervals that overlap."""

from __future__ import annotations

import numpy as np

from herdbook.ingest.sieve import Integers, Mask, Sieve


def duplicates(sieve: Sieve, key: tuple[str, ...]) -> Mask:
    """Accepted rows whose key an earlier accepted row of the file has."""
    rows = np.flatnonzero(sieve.kept)
    columns = [sieve.codes(name)[rows] for name in key]
    order = np.lexsort(columns[::-1])  # stable: equal keys stay in the file's order
    same = np.ones(max(len(rows) - 1, 0), dtype=bool)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    bad = np.zeros(len(sieve.kept), dtype=bool)
    bad[rows[order[1:]][same]] = True
    return bad


def overlaps(sieve: Sieve, group: str, start: str, end: str) -> Mask:
    """Accepted rows that begin before one that was kept in the same group has ended.

    Within a group rows are taken by start (ties in the file's order), and each is kept if it overlaps none kept before.
    Expects ``start < end`` in accepted rows.
    """
    rows = np.flatnonzero(sieve.kept)
    bad = np.zeros(len(sieve.kept), dtype=bool)
    groups, starts, ends = sieve.codes(group)[rows], sieve.micros(start)[rows], sieve.micros(end)[rows]
    order = np.lexsort((starts, groups))
    groups, starts, ends, rows = groups[order], starts[order], ends[order], rows[order]
    # Most days have none: look for groups with any overlap at once, and walk through those only.
    adjacent = (groups[1:] == groups[:-1]) & (starts[1:] < ends[:-1])
    for code in np.unique(groups[1:][adjacent]):
        members = slice(*np.searchsorted(groups, [code, code + 1]))
        bad[rows[members][_greedy(starts[members], ends[members])]] = True
    return bad


def _greedy(starts: Integers, ends: Integers) -> Mask:
    refused = np.zeros(len(starts), dtype=bool)
    until = np.iinfo(np.int64).min
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        refused[i] = start < until
        if not refused[i]:
            until = end
    return refused
