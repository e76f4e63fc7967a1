"""The page's tabs, one file each, with handlers and no decisions.

Each has TEXTS, key -> (English, Chinese), with keys such as "chat.title", and `build(desk)`.

Words of a model or a person go into gr.HTML as "${value}", escaped, or as data that a script puts in by textContent;
never as "{{value}}": what that yields is run as JavaScript.
"""
