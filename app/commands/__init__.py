"""One file for each command that has something to do of its own."""
