"""What Tocsin decides, as pure functions of what stands in the log."""
