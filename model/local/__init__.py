"""Real weights in this process: find and load them, know what a request costs, answer token by token."""
