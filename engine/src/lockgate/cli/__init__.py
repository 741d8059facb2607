"""The command line: one module per command, imported when it is called.

A command module has ``add(subparsers)``, which describes its arguments, and
``run(args) -> int``, which returns the exit status. What a run needs besides its
own arguments it asks `lockgate.cli._session` for; what it prints goes through
`lockgate.cli._output`.

What commands share has a leading underscore: `_main` (which command, and from an error
to a status) over `_verbs`, `_brought` and `_contributed` (commands of ours, of the
trusted base, of plugins) with `_help`; `_arguments` and `_trees` (what goes in, what is
written); `_pipelines` and `_runs` (``run``, ``demo`` and contributed commands);
`_answers`, `_progress`; `_hosts` (hosts that run) and `_doctor_checks`.
"""

from lockgate.cli._main import main

__all__ = ["main"]
