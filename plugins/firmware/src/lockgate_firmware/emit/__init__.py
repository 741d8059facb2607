"""The emitters: each writes one kind of file from the model, and nothing else."""
