"""The explainer: findings and refusals in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
        said = list(self._said(task))
        notes = tuple(note for _, note in said if note is not None)
        return Completion("".join(text for text, _ in said), self.info.id, notes=notes)

    def pieces(self, task: Task) -> Iterator[str]:
        """The text of `complete`, rule by rule."""
        return (text for text, _ in self._said(task))

    def _said(self, task: Task) -> Iterator[tuple[str, Note | None]]:
        """Each rule's words, and what is to be noted about them."""
        found = sorted(troubles(task), key=lambda t: _ORDER[t.severity])
        if not found and self._nothing_found(task):
            yield "Nothing was found, so nothing is to be explained.", None
            return
        if not found:
            found = [Trouble(code, "", "") for code in self._asked(task)]
        if not found:
            yield from self._nearest(task.prompt)
            return
        codes = dict.fromkeys(trouble.code for trouble in found)
        for number, code in enumerate(codes):
            same = [trouble for trouble in found if trouble.code == code]
            entry = look_up(code)
            message = "no entry: the tool's own words are all that is known"
            note = Note("info", code, message) if entry is None else None
            yield _apart(number) + _words(code, entry, same), note

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

    def _nearest(self, prompt: str) -> Iterator[tuple[str, Note | None]]:
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
        like = [entry for score, entry in near if score >= _NEAR]
        if not like:
            yield "No rule is like this question.", None
        note = Note("assumed", "prompt", "it names no rule: these look most like it")
        for number, entry in enumerate(like):
            said = _apart(number) + _words(entry.id, entry, [])
            yield said, None if number else note


def _apart(number: int) -> str:
    """What stands between two rules' words."""
    return "\n\n" if number else ""


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
