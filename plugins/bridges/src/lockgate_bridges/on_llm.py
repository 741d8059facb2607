"""llm: models and tools of its plugins as an AI plugin."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from lockgate.plugin import (
    Completion,
    ForeignEntry,
    ModelInfo,
    Task,
    hookimpl,
)

__all__ = ["adapt"]

_TOOL = "tool"
"""The kind of task that calls a tool: its prompt is the arguments, as JSON."""


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The models, tools, templates and fragments of one distribution."""
    return _Llm(entries)


class _Llm:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        self._models: dict[str, Any] = {}
        self._tools: dict[str, Any] = {}
        self._others: list[tuple[str, str]] = []
        for entry in entries:
            self._register(entry.load())

    def _register(self, plugin: Any) -> None:
        """Have the plugin register, as llm's own manager would."""
        calls: dict[str, Callable[..., object]] = {
            "register_models": self._model,
            "register_tools": self._tool,
            "register_template_loaders": self._other("template loader"),
            "register_fragment_loaders": self._other("fragment loader"),
            "register_embedding_models": self._other("embedding model"),
        }
        for name, register in calls.items():
            function = getattr(plugin, name, None)
            if function is not None:
                function(register)
        if hasattr(plugin, "register_commands"):
            plugin.register_commands(_Commands(self._others))

    def _model(self, model: Any, *_: Any, **__: Any) -> None:
        self._models[str(model.model_id)] = model

    def _tool(self, tool: Any, name: str | None = None) -> None:
        made = tool
        if not hasattr(tool, "implementation") and not isinstance(tool, type):
            made = import_module("llm").Tool.function(tool, name=name)
        self._tools[name or str(getattr(made, "name", "") or made.__name__)] = made

    def _other(self, kind: str) -> Callable[..., None]:
        def register(first: Any, *_: Any, **__: Any) -> None:
            name = first if isinstance(first, str) else getattr(first, "model_id", "")
            self._others.append((kind, str(name)))

        return register

    @hookimpl
    def list_models(self) -> tuple[ModelInfo, ...]:
        """The models; and what else was registered, each as its own kind of task."""
        return (
            *(
                ModelInfo(name, f"{name}, by llm", ("text",), local=not model.needs_key)
                for name, model in self._models.items()
            ),
            *(
                ModelInfo(name, str(getattr(tool, "description", "")), (_TOOL,))
                for name, tool in self._tools.items()
            ),
            *(ModelInfo(name, f"a {kind}", (kind,)) for kind, name in self._others),
        )

    @hookimpl
    def complete(self, task: Task, model: str) -> Completion | None:
        """Ask a model, or call a tool. What needs the network fails for want of it."""
        if task.kind == _TOOL:
            tool = self._tools.get(model)
            if tool is None:
                return None
            answer = tool.implementation(**json.loads(task.prompt or "{}"))
            return Completion(str(answer), model)
        found = self._models.get(model)
        if found is None:
            return None
        return Completion(str(found.prompt(task.prompt).text()), model)


class _Commands(SimpleNamespace):
    """A stand-in for llm's click group, which notes what is added."""

    def __init__(self, others: list[tuple[str, str]]) -> None:
        super().__init__()
        self._noted = others

    def command(self, *names: Any, **_: Any) -> Callable[[Any], Any]:
        """A decorator that notes a command."""

        def note(function: Any) -> Any:
            name = names[0] if names else getattr(function, "__name__", "")
            self._noted.append(("command", str(name)))
            return function

        return note

    group = command

    def add_command(self, command: Any, name: str | None = None) -> None:
        """Note a command."""
        self._noted.append(("command", str(name or command.name)))
