"""Looking at process trees from outside: what they use, print and leave."""
