"""Taking up a release on the device: prove the engine, switch to it, restore what was good, come up after anything.

`activate` takes a folder of verified files that `herdbook.edge.install` fetched; `recover` runs whenever a device
starts. ``<root>/releases/active.json`` says what runs; the recorder reads it between clips.
"""

from herdbook.edge.activate.place import Place, place_of
from herdbook.edge.activate.recover import recover
from herdbook.edge.activate.state import Active, Installed, read_active
from herdbook.edge.activate.switch import activate

__all__ = ["Active", "Installed", "Place", "activate", "place_of", "read_active", "recover"]
