"""A plugin behind the boundary, as the host holds it.

Read it from above: `seat` (asks the plugin; `legacy` where it has no manifest),
`succession` (a worker for each call), `running` (one worker), `broker` with `requests`
(what that may ask of the host meanwhile), `wrapping` (a call that it is around),
`open_sandbox` (where workers come from).
"""
