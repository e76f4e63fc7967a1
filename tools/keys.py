"""One table of key names: as models and people write them -> ours -> what each driver calls them."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase, digits

MAX_KEYS = 10  # fingers; more is a reply gone wrong

# our name -> the name Playwright knows. "ctrl" is the Command key on macOS, where shortcuts are made with it.
PLAYWRIGHT: dict[str, str] = {
    "ctrl": "ControlOrMeta",
    "shift": "Shift",
    "alt": "Alt",
    "altgr": "AltGraph",
    "meta": "Meta",
    "enter": "Enter",
    "tab": "Tab",
    "space": "Space",
    "backspace": "Backspace",
    "delete": "Delete",
    "insert": "Insert",
    "escape": "Escape",
    "up": "ArrowUp",
    "down": "ArrowDown",
    "left": "ArrowLeft",
    "right": "ArrowRight",
    "home": "Home",
    "end": "End",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "capslock": "CapsLock",
    "numlock": "NumLock",
    "scrolllock": "ScrollLock",
    "printscreen": "PrintScreen",
    "pause": "Pause",
    "menu": "ContextMenu",
    "volumemute": "AudioVolumeMute",
    "volumedown": "AudioVolumeDown",
    "volumeup": "AudioVolumeUp",
    "nexttrack": "MediaTrackNext",
    "prevtrack": "MediaTrackPrevious",
    "playpause": "MediaPlayPause",
    **{f"f{n}": f"F{n}" for n in range(1, 25)},
}
# our name -> the X server's
X11: dict[str, str] = {
    "ctrl": "Control_L",
    "shift": "Shift_L",
    "alt": "Alt_L",
    "altgr": "ISO_Level3_Shift",
    "meta": "Super_L",
    "enter": "Return",
    "tab": "Tab",
    "space": "space",
    "backspace": "BackSpace",
    "delete": "Delete",
    "insert": "Insert",
    "escape": "Escape",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
    "pageup": "Prior",
    "pagedown": "Next",
    "capslock": "Caps_Lock",
    "numlock": "Num_Lock",
    "scrolllock": "Scroll_Lock",
    "printscreen": "Print",
    "pause": "Pause",
    "menu": "Menu",
    "volumemute": "XF86_AudioMute",
    "volumedown": "XF86_AudioLowerVolume",
    "volumeup": "XF86_AudioRaiseVolume",
    "nexttrack": "XF86_AudioNext",
    "prevtrack": "XF86_AudioPrev",
    "playpause": "XF86_AudioPlay",
    **{f"f{n}": f"F{n}" for n in range(1, 25)},
}
# our name -> pyautogui's, where that is another
PYAUTOGUI: dict[str, str] = {"altgr": "altright", "meta": "win", "menu": "apps"}
MODIFIERS = ("ctrl", "shift", "alt", "altgr", "meta")

# Other spellings of each (pyautogui, xdotool, DOM, Windows, and what models make of them), without case, spaces, "_"
# and "-", which `_lookup` takes away.
SPELLINGS: dict[str, str] = {
    "ctrl": "control ctl ctrll ctrlr controll controlr controlleft "
    "controlright ctrlleft ctrlright leftctrl rightctrl leftcontrol rightcontrol controlormeta",
    "shift": "shiftl shiftr shiftleft shiftright leftshift rightshift ⇧",
    "alt": "altl altleft leftalt option opt optionleft optionright ⌥",
    "altgr": "altgraph altr altright rightalt isolevel3shift",
    "meta": "cmd command commandleft commandright cmdl cmdr super superl superr win windows "
    "winleft winright windowskey winkey lwin rwin metal metar metaleft metaright os ⌘",
    "enter": "return ret kpenter numpadenter numenter linefeed ⏎",
    "tab": "kptab",
    "space": "spacebar spacekey kpspace",
    "backspace": "back bksp bs backspacekey ⌫",
    "delete": "del kpdelete forwarddelete",
    "insert": "ins kpinsert",
    "escape": "esc escapekey",
    "up": "arrowup uparrow kpup keyup ↑",
    "down": "arrowdown downarrow kpdown keydown ↓",
    "left": "arrowleft leftarrow kpleft keyleft ←",
    "right": "arrowright rightarrow kpright keyright →",
    "home": "kphome begin",
    "end": "kpend",
    "pageup": "pgup prior kpprior kppageup",
    "pagedown": "pgdn pgdown next kpnext kppagedown",
    "capslock": "caps shiftlock",
    "numlock": "num",
    "scrolllock": "scroll",
    "printscreen": "prtsc prtscr prntscrn print prntscr snapshot sysrq",
    "pause": "break pausebreak",
    "menu": "contextmenu apps application",
    "volumemute": "audiovolumemute mute xf86audiomute",
    "volumedown": "audiovolumedown xf86audiolowervolume",
    "volumeup": "audiovolumeup xf86audioraisevolume",
    "nexttrack": "mediatracknext xf86audionext",
    "prevtrack": "mediatrackprevious xf86audioprev",
    "playpause": "mediaplaypause xf86audioplay",
    "+": "plus kpadd add numpadadd",
    "-": "minus hyphen dash kpsubtract subtract numpadsubtract",
    "*": "asterisk multiply kpmultiply numpadmultiply",
    "/": "slash divide kpdivide numpaddivide",
    ".": "period dot decimal kpdecimal numpaddecimal",
    ",": "comma",
    ";": "semicolon",
    ":": "colon",
    "'": "apostrophe quote quoteright",
    '"': "quotedbl doublequote",
    "`": "grave backquote backtick quoteleft",
    "~": "asciitilde tilde",
    "\\": "backslash",
    "=": "equal equals",
    "_": "underscore",
    "[": "bracketleft leftbracket",
    "]": "bracketright rightbracket",
    "!": "exclam",
    "?": "question questionmark",
    "@": "at",
    "#": "numbersign hash",
    "$": "dollar",
    "%": "percent",
    "&": "ampersand",
    "(": "parenleft",
    ")": "parenright",
    "<": "less",
    ">": "greater",
    "|": "bar pipe",
}
ALIASES: dict[str, str] = {
    **{spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings.split()},
    **{f"{prefix}{n}": str(n) for prefix in ("num", "numpad", "kp", "digit") for n in range(10)},
    **{f"key{letter}": letter for letter in ascii_lowercase},
    "\n": "enter",
    "\r": "enter",
    "\t": "tab",
}


def parse_keys(names: Sequence[str]) -> tuple[str, ...]:
    """["Control_L", "Shift+T"] -> ("ctrl", "shift", "t"): the chord in our names, in the order given.

    A name may itself be a chord, joined by "+", "-" or spaces. Letters are lower-cased beside a modifier, since
    "Ctrl+C" means the key C. Raises ValueError that names the unknown key, or says that there are none or too many.
    """
    keys = [key for name in names for key in _split(name)]
    if not keys:
        raise ValueError("no key was named; give at least one, such as enter")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"{len(keys)} keys at once; a chord has at most {MAX_KEYS}")
    if any(key in MODIFIERS for key in keys):
        keys = [key.lower() if len(key) == 1 and len(key.lower()) == 1 else key for key in keys]
    return tuple(keys)


def playwright_name(key: str) -> str:
    """One of our names as Playwright calls it.

    Letters and digits are named by their place on the keyboard, so that Shift has its effect on them; other
    characters are the same there.
    """
    if key in ascii_lowercase:
        return f"Key{key.upper()}"
    return f"Digit{key}" if key in digits else PLAYWRIGHT.get(key, key)


def _split(name: str) -> list[str]:
    """The keys that one written name stands for."""
    whole = _lookup(name)
    if whole:
        return [whole]
    # "ctrl++", "ctrl+-": the last character is a key, not a separator
    ends = len(name) > 2 and name[-1] in "+-" and name[-2] in "+-"
    head, tail = (name[:-2], [name[-1]]) if ends else (name, [])
    for separator in ("+", None, "-"):  # None: at white space
        keys = [_lookup(part.strip()) for part in head.split(separator)] + tail
        if len(keys) > 1 and all(keys):
            return [key for key in keys if key]
    unknown = next((part.strip() for part in name.split("+") if not _lookup(part.strip())), name)
    raise ValueError(
        f"unknown key {unknown[:40]!r}; write names such as enter, ctrl, pagedown, f5 or a single character"
    )


def _lookup(name: str) -> str | None:
    if name == " ":
        return "space"
    if len(name) == 1 and name not in ALIASES:
        return name if name.isprintable() else None
    if len(name) > 1 and name[-1] in "+-_":
        return None  # a chord that ends in its separator
    squeezed = "".join(letter for letter in name.lower() if letter not in " _-")
    if len(squeezed) == 1 and len(name.strip()) == 1:
        return ALIASES.get(squeezed, name.strip())
    return squeezed if squeezed in PLAYWRIGHT else ALIASES.get(squeezed)
