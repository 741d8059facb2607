"""Looking at process trees from outside: what they use, print and leave.

`tree`, `tasks`, `sample` and `still` (processes: which, how many, what they use,
stopped for a look); `scratch`, `room`, and `collect` by `patterns` (a folder: made,
bounded, read back); `output` and `onward` (what is printed, and written to files of the
host's); `descriptors` (the host's own); `watch` with `verdict` (the keeper's look, and
why it killed); `limits` and `claims` (from a limit to its error), `suspicion` (what
last words hint at) and `deaths` (what mostly lies behind an end).
"""
