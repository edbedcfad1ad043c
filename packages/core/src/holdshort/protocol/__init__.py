"""The routes that clients of the AXP intent protocol call (PyPI package `axme`, its command line),
beside those that are the same in Holdshort's own contract."""

from holdshort.protocol.contract import PATHS, ROUTES

__all__ = ["PATHS", "ROUTES"]
