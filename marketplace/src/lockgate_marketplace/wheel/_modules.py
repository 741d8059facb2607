"""The modules that a wheel brings, and whose names they take.

`modules` are dotted names down to the first part that the wheel alone fills: for a
package that several distributions share (a namespace, without ``__init__``) the
parts below it. Nothing is imported: names come from paths.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from lockgate_marketplace.errors import WheelError

__all__ = ["HOST_MODULES", "check_import_names", "check_owners", "modules_of"]

HOST_MODULES = frozenset({"lockgate", "lockgate_sandbox", "lockgate_marketplace"})
"""Top-level modules of the trusted base; each is named as its distribution."""

_SUFFIXES = (".py", ".so", ".pyd")


def modules_of(paths: Iterable[str]) -> frozenset[str]:
    """The modules in a site of the files `paths`."""
    sources: list[list[str]] = []
    regular: set[tuple[str, ...]] = set()
    for path in paths:
        *folders, file = path.split("/")
        if not file.endswith(_SUFFIXES):
            continue
        stem = file.partition(".")[0]
        if not all(part.isidentifier() for part in (*folders, stem)):
            continue
        if stem == "__init__" and folders:
            regular.add(tuple(folders))
        else:
            sources.append([*folders, stem])
    found = {".".join(_first_regular(list(package), regular)) for package in regular}
    found |= {".".join(_first_regular(source, regular)) for source in sources}
    return frozenset(found)


def _first_regular(parts: list[str], regular: set[tuple[str, ...]]) -> list[str]:
    for length in range(1, len(parts)):
        if tuple(parts[:length]) in regular:
            return parts[:length]
    return parts


def _within(name: str, other: str) -> bool:
    """Whether one dotted name is the other, or a part of it."""
    return f"{name}.".startswith(f"{other}.") or f"{other}.".startswith(f"{name}.")


def check_owners(
    modules: frozenset[str], distribution: str, owners: Mapping[str, str], *, host: bool
) -> None:
    """Judge whose names the modules of `distribution` take.

    `owners` are modules of other distributions. With `host`, a distribution of the
    trusted base may bring its own module.

    Raises:
        WheelError: If one is the standard library's, lockgate's or another's.
    """
    tops = {module.partition(".")[0] for module in modules}
    for top in sorted(tops & sys.stdlib_module_names):
        message = f"the module {top!r} has the name of the standard library's"
        raise WheelError("wheel-shadows-stdlib", message, where=top)
    for top in sorted(tops & HOST_MODULES):
        if not host or top.replace("_", "-") != distribution:
            message = f"the module {top!r} has the name of lockgate's own"
            raise WheelError("wheel-shadows-host", message, where=top)
    by_top: dict[str, list[str]] = {}
    for module, owner in owners.items():
        if owner != distribution:
            by_top.setdefault(module.partition(".")[0], []).append(module)
    for module in sorted(modules):
        for other in by_top.get(module.partition(".")[0], ()):
            if _within(module, other):
                message = f"the module {module!r} belongs to {owners[other]}"
                raise WheelError(
                    "wheel-shadows-other", message, where=module, owner=owners[other]
                )


def check_import_names(
    modules: frozenset[str],
    paths: Iterable[str],
    names: frozenset[str],
    namespaces: frozenset[str],
) -> None:
    """Hold Import-Name and Import-Namespace against the modules that are there.

    Raises:
        WheelError: If one is declared and not there, or there and not declared.
    """
    declared = names | namespaces
    there = set[str]()
    for path in paths:
        parts = path.split("/")
        parts[-1] = parts[-1].partition(".")[0]
        there.update(".".join(parts[:length]) for length in range(1, len(parts) + 1))
    for name in sorted(declared - there):
        message = f"{name!r} is declared, and the wheel has no such module"
        raise WheelError("wheel-import-names", message)
    for module in sorted(modules):
        if not any(_within(module, name) for name in declared):
            message = f"the module {module!r} is not declared"
            raise WheelError("wheel-import-names", message)
