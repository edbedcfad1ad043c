"""Approval: may this be done, yes or no."""

from holdshort.kinds.base import Kind

KIND = Kind(name="approval", asks="Approve", positive=("approved",), negative="rejected")
