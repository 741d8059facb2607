"""``lockgate`` and ``python -m lockgate``: one entry, as little of it as can be.

``--version`` is answered here, before argparse or anything third-party is
imported: scripts ask for it often, and it must work where nothing else does.
"""

import sys

__all__ = ["main"]


def main(arguments: "list[str] | None" = None) -> int:
    """Run one command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given == ["--version"] or given == ["-V"]:
        from lockgate import __version__

        sys.stdout.write(f"lockgate {__version__}\n")
        return 0
    from lockgate.cli import main as run

    return run(given)


if __name__ == "__main__":
    # `python -m` puts the working folder on the search path, the console script
    # does not: a file there must not stand in for one of lockgate's imports.
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]
    sys.exit(main())
