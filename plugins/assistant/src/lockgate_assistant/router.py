"""Who does a task: the first agent that can.

An agent is one skill. It says how well a task suits it and does it; the router
asks them in order and takes the first that can at all, so that an agent added in
front of the others takes precedence over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from lockgate.values import Completion, ModelInfo, Task

__all__ = ["Agent", "Router", "Speaking"]


class Agent(Protocol):
    """One skill."""

    @property
    def info(self) -> ModelInfo:
        """What it is called and what it does."""
        ...

    def can_handle(self, task: Task) -> float:
        """How well `task` suits, from 0 (not at all) to 1."""
        ...

    def complete(self, task: Task) -> Completion:
        """Do `task`, which `can_handle` gave more than 0."""
        ...


@runtime_checkable
class Speaking(Protocol):
    """An agent whose text comes in pieces."""

    def pieces(self, task: Task) -> Iterator[str]:
        """The text of `complete`, each piece when it is made."""
        ...


class Router:
    """Several agents behind one door, asked in order."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self.agents = tuple(agents)

    def route(self, task: Task, model: str = "") -> Agent | None:
        """The first agent that can do `task`; with `model`, only the one so called."""
        for agent in self.agents:
            if model in ("", agent.info.id) and agent.can_handle(task) > 0:
                return agent
        return None

    def can_handle(self, task: Task) -> float:
        """How well `task` suits the agent that would do it."""
        agent = self.route(task)
        return agent.can_handle(task) if agent else 0.0

    def complete(self, task: Task, model: str = "") -> Completion | None:
        """Do `task`, or None if no agent can."""
        agent = self.route(task, model)
        return agent.complete(task) if agent else None

    def pieces(self, task: Task, model: str = "") -> Iterator[str]:
        """The text of `complete` piece by piece; nothing if no agent can.

        An agent that says several things one after the other says each when it has
        it (`Speaking`); of another one the text is one piece.
        """
        agent = self.route(task, model)
        if isinstance(agent, Speaking):
            yield from agent.pieces(task)
        elif agent is not None:
            yield agent.complete(task).text
