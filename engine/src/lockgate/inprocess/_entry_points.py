"""Plugins from entry points, loaded so that a broken one is a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.errors import EntryPointClashError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import pluggy

__all__ = ["LoadedEntryPoint", "load_entry_points"]


@dataclass(frozen=True, slots=True)
class LoadedEntryPoint:
    """What became of one entry point; `error` is None if it is registered."""

    name: str
    value: str
    distribution: str
    error: BaseException | None = None


def load_entry_points(
    manager: pluggy.PluginManager, group: str
) -> tuple[LoadedEntryPoint, ...]:
    """Register every plugin of the entry-point group `group`, in order of name.

    Unlike pluggy's ``load_setuptools_entrypoints`` a plugin that can't be imported
    or registered, or exits, stands in what is returned, and the others are loaded.
    Names that the manager has or blocks are left out.

    Raises:
        EntryPointClashError: If two distributions use one name: before anything is
            imported, since nobody can know which of the two was meant.
    """
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda one: one.name):
        other = found.setdefault(point.name, point)
        if _distribution(other) != _distribution(point):
            both = sorted([_distribution(other), _distribution(point)])
            raise EntryPointClashError(
                f"{' and '.join(both)} both name an entry point {point.name!r}",
                where=f"entry-point group {group}",
                entry_point=point.name,
                distributions=list(both),
            )
    return tuple(
        _loaded(manager, point)
        for name, point in found.items()
        if not manager.has_plugin(name) and not manager.is_blocked(name)
    )


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else ""


def _loaded(manager: pluggy.PluginManager, point: EntryPoint) -> LoadedEntryPoint:
    told = (point.name, point.value, _distribution(point))
    try:
        manager.register(point.load(), name=point.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an import may do anything, SystemExit too
        return LoadedEntryPoint(*told, error)
    return LoadedEntryPoint(*told)
