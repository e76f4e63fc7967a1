"""What the user touches: settings, commands, pages. Holds no decisions."""
