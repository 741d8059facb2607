"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a busy machine is no finding. No database: the checkout may belong
# to somebody else, and what a test does should not depend on earlier runs.
settings.register_profile("lockgate", deadline=None, database=None)
settings.load_profile("lockgate")
