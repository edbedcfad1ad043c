"""`holdshort up`: the server."""
