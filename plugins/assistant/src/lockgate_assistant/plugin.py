"""The AI plugin: the host's `ai` hooks, adapted to the router and the embedding."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.plugin import Completion, ModelInfo, Task, hookimpl
from lockgate_assistant.embed import MODEL, embed_texts
from lockgate_assistant.explain import Explainer
from lockgate_assistant.fix import Fixer
from lockgate_assistant.review import Reviewer
from lockgate_assistant.router import Router

__all__ = ["can_handle", "complete", "complete_stream", "embed", "list_models"]

_ROUTER = Router((Explainer(), Reviewer(), Fixer()))


@hookimpl
def list_models() -> tuple[ModelInfo, ...]:
    """The agents, and the lexical embedding."""
    agents = tuple(agent.info for agent in _ROUTER.agents)
    words = "Hashed character n-grams: texts are near that share spellings."
    return (*agents, ModelInfo(MODEL, words, ("embed",)))


@hookimpl
def can_handle(task: Task) -> float:
    """How well `task` suits the agent that would do it."""
    return _ROUTER.can_handle(task)


@hookimpl
def complete(task: Task, model: str) -> Completion | None:
    """Do `task`, or hand it on if no agent here can."""
    return _ROUTER.complete(task, model)


@hookimpl
def complete_stream(task: Task, model: str) -> Iterator[str]:
    """The same piece by piece: an explanation comes rule by rule."""
    return _ROUTER.pieces(task, model)


@hookimpl
def embed(texts: tuple[str, ...], model: str) -> tuple[tuple[float, ...], ...] | None:
    """One vector per text, or None if another model is asked for."""
    return embed_texts(texts) if model in ("", MODEL) else None
