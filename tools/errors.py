"""The user's mistakes, told with the command that mends them."""


class UserError(Exception):
    """What is wrong and what to do about it; launch.py prints it without a traceback and exits with 2.

    chinese: the same, where a person is likely to meet it on the page.
    """

    def __init__(self, text: str, chinese: str = "") -> None:
        super().__init__(text)
        self.chinese = chinese
