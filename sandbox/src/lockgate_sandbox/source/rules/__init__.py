"""The rules, a module for each family; `lockgate_sandbox.source.registry` joins them."""
