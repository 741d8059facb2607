"""From what was granted to what the kernel and the broker are told.

Read it from above: `policy` (the plan of a worker), `places` and `environment` (the
folders that it opens, and imports from), `records` (its programs), `services` (its
broker), `claims` with `claim_line` (the devices that it has to itself), `file` (where
all that was granted is written down).
"""
