"""What the simulator says of files it cannot read."""


def why(error: Exception) -> str:
    """The system's reason where there is one, without repeating the file's name."""
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error)
