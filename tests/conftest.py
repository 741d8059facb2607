"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# What a machine tells every program of how to print. Tests compare what programs they
# start print: the same lines on a desk and in CI, where pytest prints each message of
# its summary whole. A test that asks for one of them sets it itself.
for _name in ("CI", "BUILD_NUMBER", "NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
    os.environ.pop(_name, None)

# No deadline: a busy machine is no finding. No database: the checkout may belong
# to somebody else, and what a test does should not depend on earlier runs.
settings.register_profile("lockgate", deadline=None, database=None)
settings.load_profile("lockgate")
