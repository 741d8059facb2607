"""Where plugins come from and where they are kept.

From the bottom: `codes` and `errors` (every refusal), `wheel` (the gate), `sources`,
`fetch`, `simple`, `memory` and `resolve` (indexes), `identity`, `store`, `scan`,
`consent`, `install` and `lock` (what an installation is), `site` and `publish` (an
index of one's own), `cli` (the verbs that the manifest names). `plugin` adapts to the
host, `checks` judges the configuration for ``lockgate doctor``.
"""
