"""How the sandbox community is written: sentences come from `../text`, these modules put them together."""
