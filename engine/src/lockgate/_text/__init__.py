"""Text that strangers wrote, read so that the host survives it: files, TOML, YAML."""
