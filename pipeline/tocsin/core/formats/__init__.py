"""Bytes become readings or rejects: one module a format, none of which ever raises."""
