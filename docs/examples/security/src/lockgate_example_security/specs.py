"""The kind `security`: what its hook is asked and answers."""

from __future__ import annotations

from typing import Protocol

from lockgate.plugin import Finding, Tree, hookspec


class Security(Protocol):
    """Files in, findings out, and never a secret among them."""

    @hookspec("security", timeout_seconds=120, failure="collect")
    def find_secrets(
        self, tree: Tree, known: tuple[str, ...] = ()
    ) -> tuple[Finding, ...]:
        """Find what looks like a secret.

        `known` are fingerprints of findings that are accepted.
        """
        ...
