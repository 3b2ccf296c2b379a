"""``python -m herdbook``: the command line under a given interpreter."""

from __future__ import annotations

from herdbook.cli import main

if __name__ == "__main__":
    main()
