"""Filled in soon."""
COMMANDS: tuple = ()
