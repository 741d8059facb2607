"""Environment variables and secrets."""

from __future__ import annotations

import pytest

from lockgate_sandbox.source import scan_source
from tests.support.source import rules_in


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['HOME']",
        "import os\nos.environ.get('HOME')",
        "import os\nos.getenv('HOME')",
        "from os import environ as e\ne['HOME']",
        "from os import getenv\ngetenv('HO' + 'ME')",
        "import os\nenv = os.environ\nenv.get('HOME')",
    ],
)
def test_reading_a_variable_is_a_note_that_names_it(source: str) -> None:
    found = scan_source(source)

    assert {f.rule for f in found} == {"environment"}
    assert "HOME" in {f.subject for f in found}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['AWS_SECRET_ACCESS_KEY']",
        "import os\nos.getenv('GITHUB_TOKEN')",
        "import os\nos.environ.get('db_password')",
        "import os\nos.environ.copy()",
        "import os\nsend(os.environ.items())",
    ],
)
def test_a_secret_is_found(source: str) -> None:
    assert "environment-secret" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['PATH'] = 'x'",
        "import os\nos.putenv('A', 'b')",
        "import os\nos.environ.update(A='b')",
        "import os\ndel os.environ['A']",
    ],
)
def test_a_change_is_found(source: str) -> None:
    assert "environment-change" in rules_in(source)


def test_other_mappings_are_not() -> None:
    assert rules_in("environ = {}\nenviron['TOKEN']\nself.environ.get('KEY')") == set()


@pytest.mark.parametrize("module", ["keyring", "getpass"])
def test_asking_for_passwords_is_found(module: str) -> None:
    assert rules_in(f"import {module}") == {"credentials"}
