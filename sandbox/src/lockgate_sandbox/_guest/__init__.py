"""What a worker may import of ours: this folder alone is put on its path."""
