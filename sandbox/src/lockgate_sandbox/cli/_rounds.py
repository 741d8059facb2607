"""Running a file again and again, each time with what its owner has granted by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lockgate_sandbox.cli._asking import Ask
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.learning import Bounds, Proposal, propose
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.results import Denial, RunResult

__all__ = ["Learned", "Outcome", "Round", "rounds"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run under `policy`: all that it was denied, and the last that it printed."""

    policy: Policy
    result: RunResult
    denied: tuple[Denial, ...]
    output: str


@dataclass(frozen=True, slots=True)
class Round:
    """One run, and what came of what it was denied.

    `granted` is what the next run has besides; `refused` are grants that its owner did
    not give, `left` denials that no grant was proposed for.
    """

    number: int
    outcome: Outcome
    granted: tuple[Proposal, ...]
    refused: tuple[Proposal, ...]
    left: tuple[Denial, ...]

    @property
    def settled(self) -> bool:
        """Whether it did its work and missed nothing."""
        result = self.outcome.result
        return not (result.status or result.error or self.outcome.denied)


@dataclass(slots=True)
class Learned:
    """What is known by now: the policy, and `path` beside it."""

    policy: Policy
    path: list[str]
    added: list[Proposal] = field(default_factory=list[Proposal])
    never: dict[tuple[str, object], Proposal] = field(
        default_factory=dict[tuple[str, object], Proposal]
    )
    stopped: bool = False

    def holds(self, proposal: Proposal) -> bool:
        """Whether `proposal` is granted already, perhaps with something wider."""
        if proposal.right == "path":
            return proposal.item in self.path
        fits = self.has_room_for(proposal)
        return fits and proposal.added_to(self.policy) == self.policy

    def has_room_for(self, proposal: Proposal) -> bool:
        """Whether it may stand beside what was granted meanwhile."""
        try:
            proposal.added_to(self.policy)
        except PolicyError:
            return False
        return not proposal.clash(self.policy, self.path)

    def grant(self, proposal: Proposal) -> None:
        """Give it from the next run on."""
        self.policy = proposal.added_to(self.policy)
        self.added.append(proposal)
        if proposal.right == "path":
            self.path.append(str(proposal.item))

    def refused(self, proposal: Proposal) -> bool:
        """Whether it would give what was refused for good, or part of it is that."""
        return any(proposal.covers(one) for one in self.never.values())


Run: TypeAlias = Callable[[Policy, Sequence[str]], Outcome]
Heard: TypeAlias = Callable[[int, Outcome], object]


def rounds(
    learned: Learned,
    run: Run,
    *,
    bounds: Bounds,
    ask: Ask | None,
    limit: int,
    script: str,
    guarded: Sequence[str],
    heard: Heard,
) -> Iterator[Round]:
    """Run it up to `limit` times, while something is granted after each.

    `learned` grows. `heard` is told of each run before anything is asked about it.

    Raises:
        SandboxError: If it can't be run so.
    """
    for number in range(1, limit + 1):
        outcome = run(learned.policy, learned.path)
        heard(number, outcome)
        denied = outcome.denied
        found = propose(
            denied,
            learned.policy,
            script=script,
            path=learned.path,
            guarded=guarded,
        )
        granted, refused = _chosen(found.wanted, learned, bounds, ask)
        yield Round(number, outcome, tuple(granted), tuple(refused), found.left)
        if not granted or learned.stopped:
            return


def _chosen(
    wanted: Sequence[Proposal], learned: Learned, bounds: Bounds, ask: Ask | None
) -> tuple[list[Proposal], list[Proposal]]:
    """What is granted and what is not, of `wanted`."""
    granted: list[Proposal] = []
    refused: list[Proposal] = []
    for one in wanted:
        if learned.holds(one):
            continue  # with something wider, a moment ago
        given = None
        if learned.has_room_for(one):
            given = bounds.narrowed(one) or _asked(one, learned, ask)
        if given is None:
            refused.append(one)
            continue
        learned.grant(given)
        granted.append(given)
    return granted, refused


def _asked(one: Proposal, learned: Learned, ask: Ask | None) -> Proposal | None:
    """What the owner gives of `one`; nothing where nobody is to be asked."""
    if ask is None or learned.stopped or learned.refused(one):
        return None
    wider = one.wider
    if wider is not None and (
        learned.refused(wider) or not learned.has_room_for(wider)
    ):
        wider = None
    answer = ask(one, wider)
    if answer == "y":
        return one
    if answer == "w" and wider is not None:
        return wider
    if answer == "n":
        learned.never[one.key] = one
    learned.stopped = learned.stopped or answer == "q"
    return None
