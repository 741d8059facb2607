"""The memory and time of workers that nobody waits for, watched by the keeper.

During a call the host samples the worker; between calls it does not look, and a
thread that the plugin left behind goes on. RLIMIT_DATA bounds most of what it can
take, but not a stack that it makes grow, nor the sum over a tree; and RLIMIT_CPU
bounds each process of a tree by itself.
"""

# In the keeper, which does without pathlib.
# ruff: noqa: PTH123

from __future__ import annotations

from lockgate_sandbox._watch import sample, tree, verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOOK_SECONDS", "Watch"]

LOOK_SECONDS = 0.2
"""How often to look: what a worker can take meanwhile is what it gets too much."""


class Watch:
    """Kills whoever below a zygote holds more memory or took more time than it may.

    Or hides a process, so that nobody can tell.

    The limits are those that the seal left in the process: RLIMIT_DATA, RLIMIT_CPU.
    Why it kills it tells first, with `tell`: the host may not have looked by then.
    """

    def __init__(self, tell: Callable[[bytes], object]) -> None:
        self._tell = tell
        self._spent: dict[int, float] = {}

    def look(self, zygote: int) -> None:
        """Look once at each child of `zygote` that has run since the last time."""
        spent: dict[int, float] = {}
        for child in tree.children(zygote):
            # All below a warden count together; its own limit, if it has one, is
            # what they may hold together.
            below = tree.descendants(child)
            pids = below or [child]
            spent[child] = sum(map(tree.cpu_seconds, pids))
            if spent[child] == self._spent.get(child):
                continue
            above = {zygote, child, *below}
            if any(map(tree.is_hidden, pids)):
                self._end(pids, above, verdict.HIDDEN, 0.0)
                continue
            shared = _limit(child, _DATA) if below else 0
            self._judge(pids, shared or max(_limit(pid, _DATA) for pid in pids), above)
            if below and not shared:
                self._judge_time(pids, spent[child], above)
        self._spent = spent

    def _judge(self, pids: list[int], limit: int, above: set[int]) -> None:
        rough = sample.resident_bytes(pids)
        used = sample.memory_of(pids, rough, limit) if limit else 0
        if used > limit:
            self._end(pids, above, verdict.MEMORY, used)

    def _judge_time(self, pids: list[int], spent: float, above: set[int]) -> None:
        """Each process has a limit of CPU seconds, which is that of the whole tree."""
        limit = max(_limit(pid, _TIME) for pid in pids)
        if limit and spent > limit:
            self._end(pids, above, verdict.CPU, spent)

    def _end(self, pids: list[int], above: set[int], limit: bytes, used: float) -> None:
        self._tell(verdict.pack(pids, limit, used))
        for pid in pids:
            tree.end(pid, above)


_DATA, _TIME = b"Max data size", b"Max cpu time"


def _limit(pid: int, name: bytes) -> int:
    """The process's hard limit of that name; 0 if it has none."""
    # Not prlimit(2), which needs a capability where the worker has its own uid.
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:
            after = file.read().partition(name)[2]
    except OSError:  # gone
        return 0
    hard = after.split(None, 2)[1:2]
    return int(hard[0]) if hard and hard[0].isdigit() else 0
