"""One hook call: what is asked, what is answered, what goes wrong."""
