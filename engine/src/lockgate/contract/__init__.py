"""A plugin's code held against the hook specs, by its source and without running it.

::

    for problem in check_impls(manifest, distribution="acme", roots=["/site"]):
        print(problem)

The host asks before it starts a plugin's first worker (`Verdicts`): a plugin that
fails is in state ``broken``, with all of its hooks. Silence is no proof: what
source does not tell (dynamic attributes, foreign decorators, types of other
distributions) is unknown, and the worker looks at the function itself once more.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from lockgate.contract._problems import CODES, Problem

if TYPE_CHECKING:
    from lockgate._text.files import Stamp
    from lockgate.discovery import PluginState
    from lockgate.kinds import AddedKind
    from lockgate.manifest import Manifest

__all__ = ["CODES", "Problem", "check_impls", "examine", "judged_by"]


def check_impls(
    manifest: Manifest,
    *,
    distribution: str,
    roots: Sequence[str],
    added: Collection[AddedKind] = (),
) -> tuple[Problem, ...]:
    """What is wrong with the impls that `manifest` names, below the folders `roots`.

    `added` are the kinds that there are besides the built-in ones.
    """
    return examine(manifest, distribution, roots, added)[0]


def examine(
    manifest: Manifest,
    distribution: str,
    roots: Sequence[str],
    added: Collection[AddedKind] = (),
) -> tuple[tuple[Problem, ...], Mapping[str, Stamp]]:
    """The problems, and the stamp of every file that they rest on."""
    from lockgate.contract._impls import Impls
    from lockgate.contract._modules import SourceError, Sources
    from lockgate_sandbox.parsing import batch

    sources = Sources(roots, time.time_ns())
    impls = Impls(sources, distribution)

    def work() -> tuple[Problem, ...]:
        from lockgate.kinds._specs import specs_with

        known = specs_with(added)
        found: dict[Problem, None] = {}
        for impl in manifest.hooks:
            spec = known.get(impl.hook)
            if spec is None:  # of another version of the API, or of a kind not here
                continue
            try:
                found.update(dict.fromkeys(impls.judge(impl, spec)))
            except SourceError as error:
                hint = "The module must be importable by this Python."
                args = distribution, error.file, error.line
                found[Problem("source-invalid", str(error), hint, *args)] = None
        return tuple(found)

    return batch(work), sources.looked


def judged_by(state: PluginState, problems: Sequence[Problem]) -> PluginState:
    """A plugin's state with what its code's check came to."""
    if not problems:
        return state
    reason = "; ".join(map(str, problems))
    return state.with_state("broken", reason, problems[0].hint)
