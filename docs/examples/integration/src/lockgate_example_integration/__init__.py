"""A kind integration, and a sender of webhooks through the broker."""
