"""How a practice page looks: fonts, colours and spacing drawn from a seed, as CSS."""

from __future__ import annotations

import colorsys
import random

FONTS = (
    ["Liberation Sans"] * 3
    + ["Liberation Serif", "Liberation Mono", "Liberation Sans Narrow", "DejaVu Sans", "DejaVu Sans", "DejaVu Serif"]
    + ["DejaVu Sans Mono", "Lato", "Lato", "Roboto", "Roboto", "Roboto Condensed", "Open Sans", "Open Sans"]
    + ["Noto Sans", "Noto Sans", "Noto Serif", "Nimbus Sans", "Nimbus Roman", "P052", "URW Gothic", "FreeSans"]
)
HELD_OUT_FONTS = ["FreeSerif", "C059", "Nimbus Mono PS", "Noto Sans Mono", "URW Bookman"]
SIZES = (12, 12, 13, 13, 14, 14, 15, 16, 16, 18, 20, 24)  # CSS pixels


def stylesheet(rng: random.Random, held_out: bool, fonts: list[str] = FONTS) -> str:
    """Rules for everything `tools/pages.py` writes; `held_out` takes hues that the other pages never have."""
    hue = draw_hue(rng, held_out)
    dark = rng.random() < 0.25
    ground = color(hue, rng.uniform(0, 0.4), rng.uniform(0.05, 0.2) if dark else rng.uniform(0.92, 1))
    ink = color(hue, rng.uniform(0, 0.4), rng.uniform(0.85, 1) if dark else rng.uniform(0, 0.25))
    panel = color(hue, rng.uniform(0, 0.3), rng.uniform(0.15, 0.28) if dark else rng.uniform(0.85, 1))
    rules = [
        "*{box-sizing:border-box}",
        f"html{{font-size:{rng.choice(SIZES)}px}}",
        f"body{{margin:0;background:{ground};color:{ink};font-family:'{rng.choice(fonts)}',sans-serif;font-size:1rem;"
        f"line-height:{rng.uniform(1.15, 1.7):.2f};text-align:{rng.choice(['left', 'left', 'left', 'center'])}}}",
        f"main{{padding:{rng.randint(2, 14)}px;margin:{rng.randint(0, 8)}px {rng.randint(0, 24)}px}}",
        f"header{{padding:{rng.randint(2, 8)}px;background:{panel};font-weight:bold}}",
        f"h1{{font-size:{rng.uniform(1.05, 1.5):.2f}rem;margin:.2em 0}} p{{margin:.4em 0}}",
        f".row{{margin:{rng.uniform(0.15, 0.7):.2f}em 0}}",
        f"ul{{margin:.2em 0;padding-left:{rng.choice(['0', '1.4em'])}}}",
        f".label{{font-weight:{rng.choice(['normal', 'bold'])};{rng.choice(['', 'display:block;'])}margin-right:.4em}}",
        f"li{{{rng.choice(['', 'list-style:none;', 'list-style:square;'])}margin:{rng.uniform(0, 0.4):.2f}em 0}}",
        "input,button,select,textarea{font:inherit}",
        f":root{{--ground:{ground};--ink:{ink}}}",
        ".tight *{margin-top:1px!important;margin-bottom:1px!important}",
        ".tight *{padding-top:1px!important;padding-bottom:1px!important}",
        ".tight .extra{display:none} .tight .label{display:inline!important}",
        button_rules(rng, hue, dark),
        field_rules(rng, hue, dark),
        link_rules(rng, hue, dark),
        f".said{{font-size:{rng.uniform(1, 1.8):.2f}rem;margin:.5em 0;font-weight:{rng.choice(['normal', 'bold'])}}}",
    ]
    if rng.random() < 0.4:
        rules.append(
            f"main{{background:{panel};border:1px solid {color(hue, 0.2, 0.6)};border-radius:{radius(rng)}px}}"
        )
    if rng.random() < 0.3:
        rules.append(
            f"input[type=checkbox],input[type=radio]{{width:{rng.randint(12, 22)}px;height:{rng.randint(12, 22)}px}}"
        )
    return "\n".join(rules)


def draw_hue(rng: random.Random, held_out: bool) -> float:
    """0 to 1; of every 30 degrees of the circle the first 8 are held out."""
    return (rng.randrange(12) * 30 + (rng.randrange(0, 8) if held_out else rng.randrange(10, 30))) / 360


def button_rules(rng: random.Random, hue: float, dark: bool) -> str:
    gaps = f"margin:{rng.randint(1, 5)}px {rng.randint(1, 8)}px {rng.randint(1, 5)}px 0;"
    if rng.random() < 0.3:
        return f"button{{{gaps}}}"  # the browser's own look
    face = rng.choice(["solid", "solid", "pale", "outline"])
    if face == "solid":
        back, fore = color(hue, rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.34)), "#fff"
    elif face == "pale":
        back, fore = color(hue, rng.uniform(0, 0.6), rng.uniform(0.8, 0.95)), color(hue, 0.5, 0.15)
    else:
        back, fore = "transparent", color(hue, 0.6, 0.8 if dark else 0.3)
    edge = rng.choice(["none", f"1px solid {color(hue, 0.4, 0.5)}", f"2px solid {color(hue, 0.5, 0.4)}"])
    edge = f"1px solid {fore}" if face == "outline" else edge
    pad = f"{rng.randint(1, 7)}px {rng.randint(4, 18)}px"
    weight = rng.choice(["normal", "normal", "bold"])
    look = (
        f"background:{back};color:{fore};border:{edge};border-radius:{radius(rng)}px;padding:{pad};font-weight:{weight}"
    )
    return f"button{{{gaps}{look}}}"


def field_rules(rng: random.Random, hue: float, dark: bool) -> str:
    wide = f"width:{rng.choice(['45%', '60%', '8em', '10em', '90%'])};"
    if rng.random() < 0.3:
        return f"input[type=text]{{{wide}}}"
    back, fore = ("#222", "#eee") if dark and rng.random() < 0.7 else ("#fff", "#111")
    edge = rng.choice([f"1px solid {color(hue, 0.2, 0.55)}", f"2px solid {color(hue, 0.5, 0.5)}", "1px solid #888"])
    pad = f"{rng.randint(1, 6)}px {rng.randint(2, 8)}px"
    look = f"background:{back};color:{fore};border:{edge};border-radius:{radius(rng)}px;padding:{pad}"
    return f"input[type=text]{{{wide}{look}}} ::placeholder{{color:#888}}"


def link_rules(rng: random.Random, hue: float, dark: bool) -> str:
    shade = rng.choice(["#8ab4f8", color(hue, 0.8, 0.75)] if dark else ["#00e", "#1a5fb4", color(hue, 0.8, 0.33)])
    line = rng.choice(["underline", "underline", "none"])
    return f"a{{color:{shade};text-decoration:{line};font-weight:{'normal' if line == 'underline' else 'bold'}}}"


def radius(rng: random.Random) -> int:
    return rng.choice([0, 0, 2, 4, 6, 10, 20])


def color(hue: float, saturation: float, lightness: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
