"""The manifest's form and rules; `lockgate.manifest` is its face."""
