"""ACT: the gate, the venues behind it, and the journal that goes before both. Edge."""
