"""Small things that must survive a restart, by name, in the control side's file."""

from bot.control_memory import ControlMemory


def kept(memory: ControlMemory, name: str) -> str:
    """What is kept under a name; empty if nothing is.

    Raises:
        MemoryFailed: it cannot be read.
    """
    found = memory.rows("SELECT value FROM marks WHERE name = ?", name)
    return str(found[0][0]) if found else ""


def keep(memory: ControlMemory, name: str, value: str) -> None:
    """Keep a value under a name, on disk when it returns.

    Raises:
        MemoryFailed: it cannot be written.
    """
    with memory.writing() as db:
        db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))
