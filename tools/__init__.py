"""The computer and its files: what a person could do with a screen, a mouse, a keyboard and a folder."""
