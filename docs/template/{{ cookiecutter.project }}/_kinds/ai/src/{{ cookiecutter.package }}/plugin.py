"""The agent: the sentences of a text that say most of it."""

from __future__ import annotations

import re
from collections import Counter

from lockgate.plugin import Completion, Context, ModelInfo, Task, hookimpl

__all__ = ["can_handle", "complete", "list_models", "summary_of"]

MODEL = "{{ cookiecutter.name }}-1"
SENTENCES = 3


@hookimpl
def list_models() -> tuple[ModelInfo, ...]:
    """List the one model."""
    summary = "Picks the sentences whose words are used most."
    return (ModelInfo(MODEL, summary, ("summarise",)),)


@hookimpl
def can_handle(task: Task) -> float:
    """Say how well `task` suits."""
    return 1.0 if task.kind == "summarise" and task.prompt.strip() else 0.0


@hookimpl
def complete(task: Task, model: str, context: Context) -> Completion | None:
    """Summarise the prompt; None hands the task to the next agent."""
    if task.kind != "summarise" or model not in ("", MODEL):
        return None
    wanted = task.documents.get("sentences", SENTENCES)
    count = wanted if isinstance(wanted, int) and wanted > 0 else SENTENCES
    context.progress(f"picking {count} sentences")
    return Completion(summary_of(task.prompt, count), MODEL)


def summary_of(text: str, count: int) -> str:
    """The `count` sentences that weigh most, in their order."""
    sentences = re.findall(r"[^.!?\s][^.!?]*[.!?]*", text)
    used = Counter(_words(text))

    def weight(sentence: str) -> float:
        words = _words(sentence)
        return sum(used[word] for word in words) / len(words) if words else 0.0

    best = sorted(sentences, key=weight, reverse=True)[:count]
    return " ".join(one.strip() for one in sentences if one in best)


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if len(word) > 3]
