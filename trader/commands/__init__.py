"""Host commands, one file each. They say what is wrong in one line and never show a traceback."""
