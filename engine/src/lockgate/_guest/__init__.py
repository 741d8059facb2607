"""What runs on the plugin's side, in its sealed worker.

Read it from above: `serve` (the worker's target; `legacy` for a plugin without a
manifest, `python` for the code that a plugin hands over), `from_source`, `impls` and
`wrappers` (its code, its functions), `awaiting` (the forms that their values take),
`context` with `data` and `program` (what a function may ask for), `denials` (what an
exception tells the host).
"""
