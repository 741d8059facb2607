"""The marketplace's verbs, one module each, as the manifest names them."""
