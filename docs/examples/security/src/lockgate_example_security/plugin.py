"""The hook `find_secrets`, answered."""

from __future__ import annotations

from lockgate.plugin import Finding, Position, Range, Tree, hookimpl
from lockgate_example_security.secrets import hits


@hookimpl
def find_secrets(tree: Tree, known: tuple[str, ...]) -> tuple[Finding, ...]:
    """Look through every file that is text."""
    found: list[Finding] = []
    for file in tree:
        try:
            text = file.content.decode("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            for hit in hits(line):
                if hit.fingerprint not in known:
                    place = Range(
                        Position(number, hit.start + 1), Position(number, hit.end + 1)
                    )
                    message = f"looks like a secret (fingerprint {hit.fingerprint})"
                    hint = "Take it out and revoke it, or accept its fingerprint."
                    found.append(
                        Finding(file.path, hit.rule, "error", message, place, hint=hint)
                    )
    return tuple(found)
