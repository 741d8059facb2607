"""Plugins by name that need what contradicts each other, and real distributions."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from lockgate import Host
from lockgate.config import load_config
from lockgate.values import Tree
from tests.integration.test_environments import ONE, TWO
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home
from tests.support.repacked import first_pydantic, repacked

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def plugin(index: LoopbackIndex, name: str, source: str, needs: str) -> None:
    text = manifest_text(name)
    files = {f"{name}/__init__.py": f'"""A plugin of a test."""\n{source}'}
    index.add(name, manifest=text, files=files, requires=(needs,))


def test_pydantic_1_and_pydantic_2_from_one_index_answer_in_one_call(
    home: Home,
) -> None:
    second = ("pydantic", "pydantic-core", "annotated-types", "typing-inspection")
    with loopback_index() as index:
        for draft in [
            first_pydantic(),
            *map(repacked, (*second, "typing-extensions")),
        ]:
            name = draft.name.replace("_", "-")
            index.publish(name, draft.version, draft.filename, draft.pack())
        plugin(index, "old", ONE, "pydantic<2")
        plugin(index, "new", TWO, "pydantic>=2")
        home.indexes(main=index)

        found = home.json("install", "old", "new")

        assert found["status"] == 0, found
        needs = [
            {wheel["filename"].partition("-py3")[0] for wheel in row["wheels"]}
            for row in found["plugins"]
        ]
        assert "pydantic-1.10.24" in needs[0]
        assert f"pydantic-{version('pydantic')}" in needs[1]
        with Host.open(load_config()) as host:
            answers = host.call("transform", tree=Tree.of({}))
            told = {
                one.plugin: one.value.tree["a.txt"].text
                for one in answers
                if one.plugin in ("old", "new")
            }
        assert told == {"old": "1 {'size': 2}", "new": "2 {'size': 2}"}
