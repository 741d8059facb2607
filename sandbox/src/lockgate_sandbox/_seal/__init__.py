"""From a policy to a sealed process."""
