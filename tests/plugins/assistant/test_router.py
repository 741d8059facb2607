"""A task goes to the first agent that can do it, and to none if none can."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.values import Completion, Data, ModelInfo, Task, Tree
from lockgate_assistant.plugin import can_handle, complete, embed, list_models
from lockgate_assistant.router import Router


@dataclass(frozen=True)
class _Agent:
    name: str
    kind: str
    score: float

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(self.name, self.kind, (self.kind,))

    def can_handle(self, task: Task) -> float:
        return self.score if task.kind == self.kind else 0.0

    def complete(self, task: Task) -> Completion:
        return Completion(f"{task.prompt} by {self.name}", self.name)


_ROUTER = Router(
    (_Agent("a", "draw", 0.2), _Agent("b", "draw", 0.9), _Agent("c", "sing", 1.0))
)


def test_the_first_that_can_does_it_even_if_a_later_one_suits_better() -> None:
    answer = _ROUTER.complete(Task("draw", "a cat"))

    assert answer is not None
    assert answer.text == "a cat by a"


def test_an_agent_that_cannot_is_passed_over() -> None:
    answer = _ROUTER.complete(Task("sing", "a song"))

    assert answer is not None
    assert answer.model == "c"


def test_a_named_agent_does_it_if_it_can() -> None:
    answer = _ROUTER.complete(Task("draw", "a cat"), "b")

    assert answer is not None
    assert answer.model == "b"
    assert _ROUTER.complete(Task("sing"), "b") is None
    assert _ROUTER.complete(Task("draw"), "nobody") is None


def test_a_task_that_nobody_knows_goes_to_nobody() -> None:
    assert _ROUTER.route(Task("dance")) is None
    assert _ROUTER.can_handle(Task("dance")) == 0.0


def test_the_plugin_hands_an_unknown_task_on() -> None:
    assert complete(Task("translate", "x"), "") is None
    assert can_handle(Task("translate", "x")) == 0.0


def test_the_plugin_routes_each_task_to_its_agent() -> None:
    reasons: list[Data] = [{"code": "duplicate-pin", "where": "peripherals[1].pin"}]
    tree = Tree.of({"s.yaml": "platform: arduino\n"})
    tasks = (
        Task("explain", "", {"reasons": reasons}),
        Task("review", "", {}, tree),
        Task("fix", "", {"reasons": reasons}, tree),
    )

    answers = [complete(task, "") for task in tasks]

    assert [answer and answer.model for answer in answers] == [
        "rules/explainer",
        "rules/reviewer",
        "rules/fixer",
    ]


def test_the_plugin_lists_its_agents_and_its_embedding() -> None:
    models = {model.id: model.tasks for model in list_models()}

    assert models["rules/fixer"] == ("fix",)
    assert models["lexical-ngrams-256"] == ("embed",)
    assert all(model.local for model in list_models())


def test_the_plugin_embeds_with_its_own_model_only() -> None:
    vectors = embed(("a", "b"), "")

    assert vectors is not None
    assert len(vectors) == 2
    assert embed(("a",), "text-embedding-9") is None
