"""The manifest's form and rules; `lockgate.manifest` is its face.

Read it from above: `read` (bytes in, a value or an error out), `form` and `tables` (the
TOML as pydantic models), `rules` (what spans several tables), `fields` (what single
values may be), `kind_names`, `tiers` and `reserved` (words with a meaning of their
own), `value` (what everybody else works with; no pydantic there).
"""
