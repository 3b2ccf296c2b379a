"""Evaluation that adds up: what each sequence showed is kept as sums, so that any choice of sequences, and any
bootstrap draw of them, gives exactly the figures of those sequences taken together.

A *sequence* is one clip, seen by one camera over one pen of one farm. `run.evaluate` runs an engine over a folder of
sequences with truth and gives a `report.Report`; `compare.difference` sets two reports side by side.
"""
