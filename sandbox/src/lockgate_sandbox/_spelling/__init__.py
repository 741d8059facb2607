"""One spelling for what is compared as text."""
