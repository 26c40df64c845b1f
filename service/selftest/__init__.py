"""The desk tries itself: a throw-away database, a storm of webhooks, killed processes, and a count of what is left."""
