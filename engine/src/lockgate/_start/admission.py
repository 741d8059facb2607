"""Whether a plugin's code is fit to be started: asked once, before its first line.

A plugin that fails is ``broken`` as a whole, so none of its hooks answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from lockgate.contract import judged_by
from lockgate.errors import BrokenPluginError

if TYPE_CHECKING:
    from lockgate.discovery import PluginState
    from lockgate.kinds import AddedKind
    from lockgate.manifest import Manifest

__all__ = ["Admission"]


class Admission:
    """The check of one plugin's code against the hook specs. Thread-safe.

    What failed is looked at again at the next call, so an author's correction
    counts at once; what passed is believed until the worker is started anew.
    """

    def __init__(
        self,
        state: PluginState,
        manifest: Manifest,
        cache_dir: str,
        added: Callable[[], Collection[AddedKind]] = tuple,
    ) -> None:
        self._state = state
        self._manifest = manifest
        self._cache_dir = cache_dir
        self._added = added
        self._lock = threading.Lock()
        self.state = state
        """The plugin's state as of the last look: ``broken``, or as it was found."""

    def check(self) -> None:
        """Look at the plugin's source.

        Raises:
            BrokenPluginError: If it does not fit the hooks that it answers.
        """
        from lockgate.contract._verdicts import verdict

        state = self._state
        with self._lock:
            problems = verdict(
                self._manifest,
                distribution=state.distribution,
                roots=state.path,
                cache_dir=self._cache_dir,
                added=self._added(),
            )
            self.state = judged = judged_by(state, problems)
        if problems:
            raise BrokenPluginError(
                state.name,
                reason=judged.reason,
                hint=judged.hint,
                problems=[problem.to_dict() for problem in problems],
            )
