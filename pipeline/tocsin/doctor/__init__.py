"""Are the servers there, and what do they say? Every complaint comes with what to do."""

from tocsin.doctor.examination import examine
from tocsin.doctor.finding import Finding

__all__ = ["Finding", "examine"]
