"""The rules, a module for each family; `registry` joins them."""
