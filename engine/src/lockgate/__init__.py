"""A plugin-first engine: typed hooks, sealed workers, nothing imported into the host.

An author imports `lockgate.plugin`; a program that embeds lockgate opens a
`lockgate.Host`; what can go wrong is in `lockgate.errors`. Importing this package
alone imports nothing else, since it happens in every worker: `Host` and `AsyncHost`
are fetched from `lockgate.host` when they are asked for (PEP 562).

Public, from the inside out: `values`, `expression`, `plugin`, `testing` (for authors);
`host`, `aio`, `hookspecs`, `inprocess`, `metrics` (for programs that embed it);
`config`, `discovery`, `manifest`, `contract`, `kinds`, `grants`, `rights`, `granting`,
`inventory`, `installed`, `dry_load`, `find`, `project`, `owned`, `documents`, `sarif`,
`quantities`, `verb` (for tools around it). Packages with an underscore are how that is
done; the tour is ``docs/explanation/architecture.md``.
"""

TYPE_CHECKING = False  # what type checkers take for true; typing costs 10 ms
if TYPE_CHECKING:
    from lockgate.host import AsyncHost as AsyncHost
    from lockgate.host import Host as Host

__all__ = ["AsyncHost", "Host", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name in ("AsyncHost", "Host"):
        from importlib import import_module

        return getattr(import_module("lockgate.host"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
