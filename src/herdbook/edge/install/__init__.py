"""Installing what the platform has signed for this device (docs/adr/0181)."""

from herdbook.edge.install.installer import Installer, folder_name
from herdbook.edge.install.provision import provision

__all__ = ["Installer", "folder_name", "provision"]
