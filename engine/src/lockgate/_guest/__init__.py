"""What runs on the plugin's side, in its sealed worker."""
