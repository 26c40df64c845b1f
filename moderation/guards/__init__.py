"""Guards: what our own words are read for before they are said in public."""
