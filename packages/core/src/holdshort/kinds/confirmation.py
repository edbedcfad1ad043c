"""Confirmation: is this fact so."""

from holdshort.kinds.base import Kind

KIND = Kind(name="confirmation", asks="Confirm", positive=("confirmed",), negative="denied")
