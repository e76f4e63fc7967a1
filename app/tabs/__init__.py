"""The page's tabs, one file each, with handlers and no decisions.

Each has TEXTS, key -> (English, Chinese), with keys such as "chat.title", and `build(desk)`.
"""
