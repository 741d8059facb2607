"""Pipelines of hook calls: read, checked as a whole, then run.

Data walks one street: `sources` (YAML with its lines) -> `parse` (a document to
a `model.Pipeline`, every problem collected) -> `check` (the graph, references,
hooks) -> `inputs` -> `run` and `step` (threads that call the host) -> the run
document of `records`. `plugin` alone knows hooks; all else knows `host.Host`.
"""
