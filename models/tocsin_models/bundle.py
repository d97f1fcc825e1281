"""The immutable model bundle."""


class Bundle:
    """Stands in until it is written."""
