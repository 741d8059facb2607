"""Imported by Python itself at start, before a peer's suite: swaps the manager."""

import pluggy
import pluggy._manager

from lockgate.inprocess import PluginManager

pluggy.PluginManager = pluggy._manager.PluginManager = PluginManager  # type: ignore[misc]
