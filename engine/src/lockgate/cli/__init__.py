"""The command line: one module per command, imported when it is called.

A command module has ``add(subparsers)``, which describes its arguments, and
``run(args) -> int``, which returns the exit status. What a run needs besides its
own arguments it asks `lockgate.cli._session` for; what it prints goes through
`lockgate.cli._output`.
"""

from lockgate.cli._main import main

__all__ = ["main"]
