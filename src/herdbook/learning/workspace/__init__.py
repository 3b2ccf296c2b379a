"""A Git and DVC workspace for every training run, under ``$HERDBOOK_HOME/registry``."""

from __future__ import annotations

from herdbook.learning.workspace.run import Workspace, create_workspace, open_workspace, restore_workspace

__all__ = ["Workspace", "create_workspace", "open_workspace", "restore_workspace"]
