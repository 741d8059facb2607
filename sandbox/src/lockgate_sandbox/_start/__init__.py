"""How workers, programs and scripts are started, on the host's side."""
