"""The fixer: patches to a spec's text that mend what was refused or found.

One patch per trouble, in order; each is made against the text that the ones before
it leave behind, so ``patch -p1`` applies them one after the other. What has no safe
mending (which peripheral to drop, for instance) is a note, never a guess.
"""

from __future__ import annotations

from lockgate.values import Completion, ModelInfo, Note, Patch, Task
from lockgate_assistant.diff import diff_text
from lockgate_assistant.material import SpecText, Trouble, spec_text, troubles
from lockgate_assistant.mend import Case
from lockgate_assistant.mend_pins import PIN_MENDERS
from lockgate_assistant.mend_values import VALUE_MENDERS
from lockgate_assistant.spec_yaml import EditError, SpecYaml, parse_path

__all__ = ["Fixer"]

# Words first: which pins there are depends on platform and processor.
_FIRST = ("unknown-platform", "unsupported-mcu", "unsupported-board", "missing-key")


def _order(trouble: Trouble) -> tuple[int, bool]:
    if trouble.code in _FIRST:
        return _FIRST.index(trouble.code), False
    # A pin that is moved must not be moved to one that another trouble frees.
    return len(_FIRST), trouble.code in PIN_MENDERS


def _mend(spec: SpecYaml, trouble: Trouble) -> str:
    """Change `spec` for `trouble`; why, or '' if there is no safe proposal."""
    path = parse_path(trouble.where) if trouble.refusal else ()
    for menders in (PIN_MENDERS, VALUE_MENDERS):
        mender = menders.get(trouble.code)
        if mender is None:
            continue
        before = spec.text
        try:
            why = mender(Case(spec, path, trouble))
        except EditError:
            spec.reset(before)
            continue
        if why and spec.text != before:
            return why
    return ""


class Fixer:
    """Proposes patches to a spec."""

    info = ModelInfo(
        "rules/fixer",
        "Proposes patches that make a refused spec acceptable.",
        ("fix",),
    )

    def can_handle(self, task: Task) -> float:
        """Full marks if it knows a mender for a trouble of a spec it can read."""
        if task.kind != "fix" or spec_text(task) is None:
            return 0.0
        known = (
            trouble.code in PIN_MENDERS or trouble.code in VALUE_MENDERS
            for trouble in troubles(task)
        )
        return 1.0 if any(known) else 0.0

    def complete(self, task: Task) -> Completion:
        """Patches for the troubles of `task`; a note for each without one."""
        written = spec_text(task) or SpecText("spec.yaml", "")
        patches: list[Patch] = []
        notes: list[Note] = []
        try:
            spec = SpecYaml(written.text)
        except EditError as error:
            note = Note("warning", written.path, str(error))
            return Completion("The spec cannot be read.", self.info.id, notes=(note,))
        for trouble in sorted(troubles(task), key=_order):
            before = spec.text
            why = _mend(spec, trouble)
            if why:
                diff = diff_text(written.path, before, spec.text)
                reason = f"{trouble.code} at {trouble.where}: {why}"
                patches.append(Patch(written.path, diff, reason))
            else:
                message = f"{trouble.message}: no safe mending is known"
                notes.append(Note("info", trouble.where or trouble.code, message))
        words = [f"{number}. {patch.why}" for number, patch in enumerate(patches, 1)]
        said = "\n".join(words) or "No safe mending is known."
        return Completion(said, self.info.id, tuple(patches), tuple(notes))
