"""The signed repository of releases and assignments: a TUF repository on python-tuf (docs/adr/0180)."""

from herdbook.fleet.trust.assign import assign, current_assignment, next_number, pool_file
from herdbook.fleet.trust.publish import plans_for, publish_plans, publish_release, release_files

__all__ = [
    "assign",
    "current_assignment",
    "next_number",
    "plans_for",
    "pool_file",
    "publish_plans",
    "publish_release",
    "release_files",
]
