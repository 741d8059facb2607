"""What a host writes down: calls, log lines, counts, states.

`audit` (what was decided) and `logbook` (what was said, in files); `journal`, `trace`
and `meter` (the latest calls, which belong together, how many); `lifecycle` and
`quarantine` (how far a plugin came, and which are not started any more).
"""
