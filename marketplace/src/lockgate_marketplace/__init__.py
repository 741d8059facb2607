"""Where plugins come from and where they are kept.

From the bottom: `codes` and `errors` (every refusal), `wheel` (the gate), `sources`,
`fetch`, `simple`, `memory` and `resolve` (indexes), `identity`, `store`, `scan`,
`consent`, `levels` (what an owner lets pass), `install`, `lock` and `upkeep` (what an
installation is, and what becomes of it), `site` and `publish` (an index of one's own),
`cli` (the verbs that the manifest names). `plugin` adapts to the
host, `checks` judges the configuration for ``lockgate doctor``.
"""
