"""One file a page; each adds its routes to the pages' blueprint."""
