"""What was installed into the store: generations, and the environments they name.

The store is the folder ``DATA/store`` (`DATA` is the setting ``data-dir``)::

    DATA/store/current               the number of the generation in force
    DATA/store/generations/7.json    what is installed: never changed once it is there
    DATA/store/wheels/SHA256/        one unpacked wheel: site/, bin/, wheel.json
    DATA/store/merged/SHA256/site/   the sites of several wheels, as one folder
    DATA/store/staged.json           releases that wait for their owner's consent
    DATA/store/leases/               what hosts that run import from, while they do
    DATA/store/lock                  held by whoever changes any of it

A generation names distributions, each with an environment of its own: the wheels that
its worker imports from, its own first. To install, upgrade and uninstall is to write
the next generation and to switch ``current`` by one rename; to roll back is to switch
it alone. Whatever is not as it must be is refused as a whole (`InstalledError`): what
is in force says whose code runs.

The engine reads and writes generations; the marketplace unpacks wheels. Standard
library only: every command imports this.
"""

from lockgate.errors import InstalledError
from lockgate.installed._format import Generation, Installed, Wheel, parse, to_bytes
from lockgate.installed._staged import Staged
from lockgate.installed._store import StoreFolder

__all__ = [
    "Generation",
    "Installed",
    "InstalledError",
    "Staged",
    "StoreFolder",
    "Wheel",
    "parse",
    "to_bytes",
]
