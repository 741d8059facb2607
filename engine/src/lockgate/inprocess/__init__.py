"""Hooks inside one process: pluggy's manager, its semantics, a compiled caller.

For code that is trusted anyway and called often. Whoever knows pluggy knows this:
`PluginManager` is a `pluggy.PluginManager`, with the same markers, the same order
and the same wrappers, and a project changes over with one import::

    from lockgate.inprocess import PluginManager

Nothing is sealed here: a plugin that is registered runs in this process with all
of its rights. For plugins that are not trusted there is `lockgate.Host`.
"""

from __future__ import annotations

from lockgate.inprocess._entry_points import LoadedEntryPoint, load_entry_points
from lockgate.inprocess._manager import PluginManager

__all__ = ["LoadedEntryPoint", "PluginManager", "load_entry_points"]
