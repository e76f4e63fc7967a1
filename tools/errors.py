"""The user's mistakes, told with the command that mends them."""


class UserError(Exception):
    """What is wrong and what to do about it; launch.py prints it without a traceback and exits with 2."""
