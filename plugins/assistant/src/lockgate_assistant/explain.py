"""The explainer: findings and refusals in plain words."""

from __future__ import annotations

import re

from lockgate.values import Completion, ModelInfo, Note, Task
from lockgate_assistant.embed import cosine, embed_texts
from lockgate_assistant.knowledge import Entry, entries, look_up
from lockgate_assistant.material import Trouble, troubles

__all__ = ["Explainer"]

_WORD = re.compile(r"[A-Za-z][\w-]*")
_NEAR = 0.35
"""Below this two spellings have nothing to do with each other."""
_ORDER = {"error": 0, "warning": 1, "note": 2}


class Explainer:
    """Says what a finding means, why it matters, and the way out."""

    info = ModelInfo(
        "rules/explainer",
        "Explains findings and refusals from a table of rules.",
        ("explain",),
    )

    def can_handle(self, task: Task) -> float:
        """Full marks for known rules; half for a question that names none."""
        if task.kind != "explain":
            return 0.0
        codes = [trouble.code for trouble in troubles(task)]
        if not codes and self._nothing_found(task):
            return 1.0
        codes = codes or self._asked(task)
        if not codes:
            return 0.5 if task.prompt.strip() else 0.0
        known = sum(look_up(code) is not None for code in codes)
        return max(0.5, known / len(codes))

    def complete(self, task: Task) -> Completion:
        """Explain each finding of `task`, gravest first, each rule once."""
        found = sorted(troubles(task), key=lambda t: _ORDER[t.severity])
        if not found and self._nothing_found(task):
            return Completion(
                "Nothing was found, so nothing is to be explained.", self.info.id
            )
        if not found:
            found = [Trouble(code, "", "") for code in self._asked(task)]
        if not found:
            return self._nearest(task.prompt)
        parts: list[str] = []
        notes: list[Note] = []
        for code in dict.fromkeys(trouble.code for trouble in found):
            same = [trouble for trouble in found if trouble.code == code]
            entry = look_up(code)
            if entry is None:
                message = "no entry: the tool's own words are all that is known"
                notes.append(Note("info", code, message))
            parts.append(_words(code, entry, same))
        return Completion("\n\n".join(parts), self.info.id, notes=tuple(notes))

    @staticmethod
    def _nothing_found(task: Task) -> bool:
        """Whether a check was made and found nothing, as opposed to no check."""
        given = [task.documents.get(key) for key in ("findings", "reasons")]
        checked = [value for value in given if isinstance(value, list | tuple)]
        return bool(checked) and not any(checked)

    @staticmethod
    def _asked(task: Task) -> list[str]:
        """The rules that the question names."""
        return [word for word in _WORD.findall(task.prompt) if look_up(word)]

    def _nearest(self, prompt: str) -> Completion:
        """A question that names no rule gets the three that look most like it."""
        table = list(entries().values())
        vectors = embed_texts([f"{e.id} {e.what} {e.fix}" for e in table])
        (asked,) = embed_texts([prompt])
        near = sorted(
            (
                (cosine(asked, vector), e)
                for vector, e in zip(vectors, table, strict=True)
            ),
            key=lambda pair: (-pair[0], pair[1].id),
        )[:3]
        parts = [_words(e.id, e, []) for score, e in near if score >= _NEAR]
        note = Note("assumed", "prompt", "it names no rule: these look most like it")
        if not parts:
            return Completion("No rule is like this question.", self.info.id)
        return Completion("\n\n".join(parts), self.info.id, notes=(note,))


def _words(code: str, entry: Entry | None, found: list[Trouble]) -> str:
    lines = [code]
    told = [trouble for trouble in found if trouble.where or trouble.message]
    lines += [f"  at {t.where or 'no place'}: {t.message}" for t in told[:20]]
    if len(told) > 20:
        lines.append(f"  and {len(told) - 20} more")
    # A refusal's hint is about this very spec; a finding's is about any code.
    told = [t for t in found if t.hint and (t.refusal or entry is None)]
    hints = dict.fromkeys(trouble.hint for trouble in told)
    if entry is not None:
        lines += [f"  What: {entry.what}", f"  Why: {entry.why}", f"  Fix: {entry.fix}"]
    lines += [f"  Here: {hint}" for hint in list(hints)[:5]]
    return "\n".join(lines)
