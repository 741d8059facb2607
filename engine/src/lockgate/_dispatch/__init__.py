"""Who is asked, in which order, and what becomes of failures."""
