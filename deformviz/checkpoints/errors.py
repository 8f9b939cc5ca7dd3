"""What goes wrong with files of weights."""


class CheckpointError(ValueError):
    """A file cannot be used as a checkpoint; the message says why, and what would help.

    `report` holds the comparison key by key where it came to one, else None.
    """

    def __init__(self, message: str, report=None):
        super().__init__(message)
        self.report = report
