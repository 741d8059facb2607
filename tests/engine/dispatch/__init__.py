"""Who is asked, and in which order."""
