"""Run Python that you did not write under a kernel-enforced policy."""
