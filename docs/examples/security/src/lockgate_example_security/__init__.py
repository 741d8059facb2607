"""A kind security, and a scan for secrets in a tree of files."""
