"""The reviewer: the risks of a spec or a contract, gravest first."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.values import Completion, Data, ModelInfo, Note, Task
from lockgate_assistant.material import mapping, spec_text
from lockgate_assistant.risks import Risk, contract_risks, spec_risks
from lockgate_assistant.spec_yaml import EditError, SpecYaml

__all__ = ["Reviewer"]

_RISKS_LIMIT = 100


class Reviewer:
    """Lists what may go wrong with a device before it is built."""

    info = ModelInfo(
        "rules/reviewer",
        "Reviews a spec or a contract for electrical and other risks.",
        ("review",),
    )

    def can_handle(self, task: Task) -> float:
        """Full marks for a spec or a contract."""
        documents = task.documents
        given = mapping(documents.get("spec")) or mapping(documents.get("contract"))
        readable = given or spec_text(task)
        return 1.0 if task.kind == "review" and readable else 0.0

    def complete(self, task: Task) -> Completion:
        """The risks of each document of `task`."""
        notes: list[Note] = []
        risks: list[Risk] = []
        spec: Mapping[str, Data] = mapping(task.documents.get("spec"))
        contract = mapping(task.documents.get("contract"))
        written = None if spec or contract else spec_text(task)
        if written is not None:
            try:
                spec = SpecYaml(written.text).data
            except EditError as error:
                notes.append(Note("warning", written.path, str(error)))
        if spec:
            risks += spec_risks(spec)
        if contract:
            risks += contract_risks(contract)
        lines = [
            f"{number}. [{risk.level}] {risk.where}: {risk.message}; {risk.fix}"
            for number, risk in enumerate(risks[:_RISKS_LIMIT], 1)
        ]
        said = "\n".join(lines) or "No risk that these rules know."
        return Completion(said, self.info.id, notes=tuple(notes))
