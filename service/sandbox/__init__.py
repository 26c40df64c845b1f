"""A small server that speaks the platforms' APIs over real HTTP: for the first run and for tests. Never a connector."""
