"""People as they can be reached: their channels and hours, who is away, who is on call."""

from holdshort.people.absence import Absence, Away
from holdshort.people.contact import Contact, Quiet, Tell
from holdshort.people.hours import Hours
from holdshort.people.rota import Override, Rota

__all__ = ["Absence", "Away", "Contact", "Hours", "Override", "Quiet", "Rota", "Tell"]
