"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

from lockgate.plugin import Finding, Tree
from lockgate.testing import PluginUnderTest

KEY = "AKIA" + "Q7" * 8
TREE = Tree.of(
    {
        "a.py": f'x = 1\nid = "{KEY}"\npassword = "correct-Horse7battery"\n',
        "b.py": 'password = "aaaaaaaaaaaa"\ntoken = os.environ["TOKEN"]\n',
        "c.bin": b"\xff" + KEY.encode(),
        "id": "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    }
)


def scan(plugin: PluginUnderTest, **arguments: object) -> tuple[Finding, ...]:
    found = plugin.call("find_secrets", tuple, tree=TREE, **arguments)
    return tuple(one for one in found if isinstance(one, Finding))


def test_secrets_are_found_and_not_told(plugin: PluginUnderTest) -> None:
    found = scan(plugin)

    assert [(f.path, f.rule, f.range.start.line if f.range else 0) for f in found] == [
        ("a.py", "aws-access-key", 2),
        ("a.py", "assigned-secret", 3),
        ("id", "private-key", 1),
    ]
    assert not any(KEY in f.message or "Horse" in f.message for f in found)


def test_what_is_accepted_is_left_out(plugin: PluginUnderTest) -> None:
    first, *rest = scan(plugin)
    fingerprint = first.message.rpartition(" ")[2].strip(")")

    assert list(scan(plugin, known=(fingerprint,))) == rest
