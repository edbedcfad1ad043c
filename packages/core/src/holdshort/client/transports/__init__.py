"""Transports: each moves one call to one reply. The only place that imports an HTTP library."""
