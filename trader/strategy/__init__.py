"""What do we want: strategies turn books into proposals. Pure; they decide and send nothing."""
