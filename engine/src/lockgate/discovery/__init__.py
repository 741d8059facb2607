"""Discovery: which plugins are installed, found without running any of them.

`discover` looks through the folders of a search path for distributions with an
entry point in the group ``lockgate.manifest`` (or a classic one), reads their
manifests as files, and returns every candidate as a `PluginState`: a broken,
hostile or half-deleted distribution is a state with a reason, never an error.

A stored index (`lockgate.discovery._index`) makes the common case, nothing has
changed, a matter of a ``stat`` for each plugin's name and two more for the state it
is in. It is exact: a distribution added, removed or replaced and any changed file of
a known plugin is seen at the next call, also within one second. Each question is
answered by a look at what the answer rests on: names on entry points, states on
every file that discovery read.

Read it from below: `_state` (what is found), `_scan` and `_entry_points` (folders),
`_locate` and `_resolve` (from a distribution to its candidates), `_digest`, `_search`
over `_index` and `_index_format` (what was found last time), `_store`, `_environments`
and `_foreign` (where else plugins are), `_rightful`, `_relations`, `_hook_relations`,
`_hook_versions` and `_added_kinds` (what candidates mean for each other), `choice`
(which of them the owner uses).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from lockgate.discovery import _index
from lockgate.discovery._environments import import_path, placed
from lockgate.discovery._relations import relate, unshadow
from lockgate.discovery._rightful import Claim, claims_of
from lockgate.discovery._scan import normalised, search_folders
from lockgate.discovery._search import Search, look
from lockgate.discovery._state import PluginState, StateName
from lockgate.discovery.choice import NO_CHOICE, Choice

if TYPE_CHECKING:
    from lockgate._order.words import HookOrder
    from lockgate.errors import InstalledError

__all__ = [
    "Claim",
    "Discovery",
    "PluginState",
    "StateName",
    "claims_of",
    "discover",
    "index_files",
]

_NO_ORDERS: Mapping[str, HookOrder] = MappingProxyType({})
_SHARED: Mapping[str, Sequence[str]] = MappingProxyType({})


class Discovery:
    """What was found.

    `folders` are the search path's folders that exist, which is what a worker
    may import from. `names` are the plugins' names in the order of `plugins`, as
    they were when `discover` was called: to know only these costs neither a look at
    each plugin's files nor any decoding. `index` tells how the stored index fared:
    ``used``, ``rebuilt`` (`index_note` says why) or ``off``. `store_error` says why
    nothing of the store is among them, if that is not as it must be.
    """

    __slots__ = ("_kept", "_plugins", "_read", "_search", "names", "store_error")

    def __init__(
        self,
        search: Search,
        read: Callable[[Discovery], tuple[PluginState, ...]],
        *,
        kept: Search | None = None,
        store_error: InstalledError | None = None,
    ) -> None:
        self._search = search
        self._kept = kept
        self._read = read
        self._plugins: tuple[PluginState, ...] | None = None
        self.store_error = store_error
        self.names = search.names
        if kept is not None:
            self.names = tuple(sorted((*kept.names, *search.names)))

    @property
    def folders(self) -> tuple[str, ...]:
        """The search path's folders that exist."""
        return self._search.present

    @property
    def index(self) -> str:
        """How the stored index of the search path fared."""
        return self._search.index

    @property
    def index_file(self) -> str:
        """Where it is kept, or ``""``."""
        return self._search.index_file

    @property
    def index_note(self) -> str:
        """Why it was rebuilt, or could not be written."""
        return self._search.index_note

    @property
    def plugins(self) -> tuple[PluginState, ...]:
        """Every candidate, by name, with the configuration applied.

        The states that they are in when this is first asked for.
        """
        if self._plugins is None:
            self._plugins = self._read(self)
            self.names = tuple(state.name for state in self._plugins)
        return self._plugins

    def get(self, name: str) -> PluginState | None:
        """The plugin called `name`; of several claims the first."""
        if name not in self.names:
            return None
        return next((state for state in self.plugins if state.name == name), None)


def index_files(cache_dir: str) -> dict[str, str]:
    """Every stored index in `cache_dir`, and why it is not believed (or ``""``)."""
    return {path: _index.trouble(path) for path in _index.stored(cache_dir)}


def discover(
    search_path: Sequence[str] | None = None,
    *,
    cache_dir: str = "",
    data_dir: str = "",
    plugin_folders: Sequence[str] = (),
    disabled: Collection[str] = (),
    hooks: Mapping[str, HookOrder] = _NO_ORDERS,
    choice: Choice = NO_CHOICE,
    environments: Mapping[str, Sequence[str]] = _SHARED,
    bridges: Sequence[str] = (),
) -> Discovery:
    """Find every plugin; execute nothing.

    `search_path` is ``sys.path`` if not given. `plugin_folders` hold plugins that
    are single ``.py`` files; `disabled` and `hooks` are the owner's settings of
    these names, `choice` says which plugins are used. `environments` names
    distributions that are looked for in folders of their own (or in a virtual
    environment's); what was installed into the store below `data_dir` comes next,
    the search path last. `bridges` names foreign ecosystems whose plugins are looked
    for there too, if an adapter is installed. Without `cache_dir` no index is kept.
    """
    folders = search_folders(sys.path if search_path is None else search_path)
    single = search_folders(plugin_folders)
    apart = [
        state
        for name, given in environments.items()
        for state in _apart(name, given, cache_dir)
    ]
    kept, error = _kept(data_dir, cache_dir)
    taken = {normalised(name) for name in environments}
    search = _search(folders, single, cache_dir)

    def read(found: Discovery) -> tuple[PluginState, ...]:
        stored, found.store_error = _states(kept, found.store_error)
        stored = [state for state in stored if state.distribution not in taken]
        states = [*apart, *_around(search.states(), stored)]
        if bridges:
            from lockgate.discovery._foreign import bridged

            states += bridged(states, bridges, folders, cache_dir)
        return relate(unshadow(states), disabled, hooks, choice)

    found = Discovery(search, read, kept=kept, store_error=error)
    if apart or bridges:  # whose names no index knows
        found.names = tuple(state.name for state in found.plugins)
    return found


def _apart(name: str, given: Sequence[str], cache_dir: str) -> list[PluginState]:
    """The candidates of the distribution `name`, which has folders to itself."""
    folders = search_folders(import_path(given))
    search = _search(folders, (), cache_dir)
    return placed(name, given, folders, search.states())


def _search(
    folders: tuple[str, ...], single: tuple[str, ...], cache_dir: str
) -> Search:
    """The search through `folders`, and through `single` for plugins of one file."""
    return Search(
        tuple(dict.fromkeys((*folders, *single))),
        lambda known: look(folders, single, known),
        key=_index.key_of(folders, single),
        cache_dir=cache_dir,
    )


def _kept(data_dir: str, cache_dir: str) -> tuple[Search | None, InstalledError | None]:
    """What the store has installed, if it has; or why it is not believed."""
    if not data_dir or not os.path.lexists(f"{data_dir}/store/current"):
        return None, None
    from lockgate.discovery._store import search_store

    try:
        return search_store(data_dir, cache_dir), None
    except Exception as error:
        return None, _unsound(error)


def _unsound(error: Exception) -> InstalledError:
    """What is told of the store; whatever else it is goes on."""
    from lockgate.errors import InstalledError  # most commands raise nothing

    if isinstance(error, InstalledError):
        return error
    raise error


def _states(
    kept: Search | None, known: InstalledError | None
) -> tuple[list[PluginState], InstalledError | None]:
    """The store's candidates as they are now, or why there are none."""
    if kept is None:
        return [], known
    try:
        return kept.states(), None
    except Exception as error:
        return [], _unsound(error)


def _around(
    found: Sequence[PluginState], stored: Sequence[PluginState]
) -> list[PluginState]:
    """`found` on the search path and what is `stored`, in the order that they count."""
    first = [state for state in stored if not _for_the_host(state)]
    last = [_misplaced(state) for state in stored if _for_the_host(state)]
    return [*first, *found, *last]


def _for_the_host(state: PluginState) -> bool:
    if not state.distribution.startswith("lockgate-"):
        return False  # the policy, which takes longer to read, names no others
    from lockgate.shipped import shipped_policy

    return state.distribution in shipped_policy().in_host


def _misplaced(state: PluginState) -> PluginState:
    """What is to run in the host is the host's own installation, no store's."""
    from lockgate._installer import pip_command, source_of

    return state.with_state(
        "broken",
        "it is of the trusted base, which the host imports from nowhere but its own "
        "installation",
        f"{pip_command('install', source_of(state.distribution))}; `lockgate uninstall "
        f"{state.name}` takes it out of the store.",
    )
