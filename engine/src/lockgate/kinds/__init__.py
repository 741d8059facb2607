"""Kinds of plugins that a plugin adds: hooks whose types are data.

The manifest carries the hooks as JSON Schema, and from that the host makes the same
`HookSpec` that a built-in hook has (`lockgate.kinds._specs`): to know, call and check
a hook of another plugin's kind, no code of that plugin is imported.
"""

from lockgate.kinds._values import AddedHook, AddedKind

__all__ = ["AddedHook", "AddedKind"]
