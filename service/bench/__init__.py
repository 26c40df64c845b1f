"""Measurements on a throw-away database, each beside a baseline taken in the same run."""
