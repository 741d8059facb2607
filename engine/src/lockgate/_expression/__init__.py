"""The closed expression language; `lockgate.expression` is its face."""
