"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

from lockgate.plugin import Completion, Task
from lockgate.testing import PluginUnderTest

TEXT = "Plugins run in workers. It rains. Workers are sealed, and plugins like workers!"


def test_the_sentences_that_say_most_are_kept(plugin: PluginUnderTest) -> None:
    task = Task("summarise", TEXT, {"sentences": 2})
    done = plugin.call("complete", Completion, task=task)

    wanted = "Plugins run in workers. Workers are sealed, and plugins like workers!"
    assert done.text == wanted
    assert [event.message for event in plugin.progress] == ["picking 2 sentences"]


def test_another_task_is_left_to_others(plugin: PluginUnderTest) -> None:
    assert plugin.answer("complete", task=Task("translate", TEXT)) is None
    assert plugin.call("can_handle", float, task=Task("translate", TEXT)) == 0
    assert plugin.call("can_handle", float, task=Task("summarise", TEXT)) == 1


def test_the_model_that_answers_is_the_one_on_offer(plugin: PluginUnderTest) -> None:
    (model,) = plugin.call("list_models", tuple)
    task = Task("summarise", TEXT)
    done = plugin.call("complete", Completion, task=task, model=model.id)

    assert done.model == model.id
    assert plugin.answer("complete", task=task, model="another") is None
