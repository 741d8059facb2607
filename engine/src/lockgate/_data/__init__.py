"""A plugin's files, which the host keeps."""
