"""What a page shows, read from the page itself: its elements and its characters with their boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from tools.geometry import Box, Size


@dataclass(frozen=True)
class Element:
    kind: str  # button, link, tab, checkbox, radio, field, select, close or text
    text: str  # what it says; of a field, box or list its label, "" when it has none
    box: Box  # what is visible of it, in screenshot pixels
    state: str = ""  # checked, unchecked, selected, focused or ""
    value: str = ""  # what a field holds or a list shows
    whole: bool = True  # False: covered or cut off in part, or on several lines


@dataclass(frozen=True)
class Snapshot:
    elements: tuple[Element, ...]
    chars: tuple[tuple[str, Box], ...]  # visible characters but blanks, in document order


def snapshot(page: Page, scale: float, area: Size) -> Snapshot:
    """What is visible of the page's top left `area` (CSS pixels), in pixels of a screenshot at `scale`."""
    seen: dict[str, Any] = page.evaluate(READ, [area.width, area.height])
    elements = tuple(
        Element(one["kind"], one["text"], scaled(one["box"], scale), one["state"], one["value"], one["whole"])
        for one in seen["elements"]
    )
    return Snapshot(elements, tuple((char, scaled(box, scale)) for char, box in seen["chars"]))


def scaled(corners: list[float], scale: float) -> Box:
    left, top, right, bottom = (round(edge * scale, 2) for edge in corners)
    return Box(left, top, right, bottom)


# One pass over the page. An element or character counts as visible when a click at its middle would reach it.
READ = r"""([width, height]) => {
  const clean = text => text.replace(/\s+/g, ' ').trim();
  const clip = r => [Math.max(0, r.left), Math.max(0, r.top), Math.min(width, r.right), Math.min(height, r.bottom)];
  const big = b => b[2] - b[0] > 1 && b[3] - b[1] > 1;
  const hits = (node, x, y) => {
    const hit = document.elementFromPoint(x, y);
    return hit !== null && getComputedStyle(node).pointerEvents === 'none' && hit.contains(node) ? node : hit;
  };
  const reaches = (node, x, y) => node.contains(hits(node, x, y));
  const shown = node => node.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  // Of a link that wraps the largest line; of what is partly covered the largest rectangle that a click reaches.
  const area = b => (b[2] - b[0]) * (b[3] - b[1]);
  const boxOf = node => {
    const pieces = [...node.getClientRects()].map(clip).filter(big).map(b => bare(node, b)).filter(b => b);
    return pieces.sort((a, b) => area(b) - area(a))[0] || null;
  };
  const GRID = 8;
  const bare = (node, [left, top, right, bottom]) => {
    const wide = (right - left) / GRID, high = (bottom - top) / GRID;
    const free = [];
    for (let row = 0; row < GRID; row++) for (let column = 0; column < GRID; column++)
      free.push(reaches(node, left + (column + .5) * wide, top + (row + .5) * high));
    const corner = i => [0, GRID - 1].includes(i % GRID) && [0, GRID - 1].includes(Math.floor(i / GRID));
    if (free.every((ok, i) => ok || corner(i))) return [left, top, right, bottom];  // corners may be round
    let best = null;
    for (let a = 0; a < GRID; a++) for (let b = 0; b < GRID; b++) for (let c = b; c < GRID; c++) {
      let d = a;  // rows a up to d of columns b to c
      while (d < GRID && free.slice(d * GRID + b, d * GRID + c + 1).every(Boolean)) d++;
      const box = [left + b * wide, top + a * high, left + (c + 1) * wide, top + d * high];
      if (d > a && (best === null || area(box) > area(best))) best = box;
    }
    return best && big(best) ? best : null;
  };
  const written = (text, style) => style.textTransform === 'uppercase' ? text.toUpperCase()
    : style.textTransform === 'lowercase' ? text.toLowerCase()
    : style.textTransform === 'capitalize' ? text.replace(/(^|\s)\S/g, c => c.toUpperCase()) : text;
  const textOf = node => clean(node.innerText || '');
  const own = node => [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join(' ');

  const PLAIN = ['button', 'submit', 'reset', 'image'];
  const TICKS = ['checkbox', 'radio'];
  const hasField = node => node.querySelector('input, textarea, select, button, a') !== null;
  const labelOf = node => {
    if (node.getAttribute('aria-label')) return clean(node.getAttribute('aria-label'));
    const marked = node.labels && [...node.labels].map(textOf).find(t => t);
    if (marked) return marked;
    if (node.placeholder) return clean(node.placeholder);
    const after = node.nextSibling, before = node.previousSibling;
    if (TICKS.includes(node.type) && after) return clean(after.textContent || '');
    if (before && before.nodeType === 3 && clean(before.data)) return clean(before.data);
    const sister = node.previousElementSibling;
    const near = sister && !hasField(sister) && /^(SPAN|LABEL|B|STRONG)$/.test(sister.tagName);
    return near && shown(sister) ? textOf(sister) : '';
  };
  const closes = node => /^(x|×|✕|✖|close)$/i.test(textOf(node) || node.title || node.getAttribute('aria-label') || '')
    && (/(^|[-_ ])(close|dismiss)/i.test(node.className) || /^.$/.test(textOf(node)));
  const pointer = node => getComputedStyle(node).cursor === 'pointer';
  const kindOf = node => {
    const tag = node.tagName, role = node.getAttribute('role'), type = (node.type || '').toLowerCase();
    if (role === 'tab') return 'tab';
    if (node.closest('[role=tab]')) return null;
    if (type === 'hidden' || node instanceof SVGElement) return null;
    if (tag === 'INPUT') return TICKS.includes(type) ? type : PLAIN.includes(type) ? 'button' : 'field';
    if (tag === 'TEXTAREA') return 'field';
    if (tag === 'SELECT') return 'select';
    if (tag === 'BUTTON' || role === 'button') return closes(node) ? 'close' : 'button';
    if (tag === 'A' && (node.hasAttribute('href') || pointer(node))) return closes(node) ? 'close' : 'link';
    if (node.closest('a, button, label, [role=button]') || !pointer(node) || !clean(own(node))) return null;
    if (node.parentElement && pointer(node.parentElement)) return null;
    return closes(node) ? 'close' : getComputedStyle(node).display === 'inline' ? 'link' : 'button';
  };
  const stateOf = (node, kind) => {
    if (kind === 'checkbox' || kind === 'radio') return node.checked ? 'checked' : 'unchecked';
    if (kind === 'tab') return node.getAttribute('aria-selected') === 'true' ? 'selected' : '';
    return document.activeElement === node ? 'focused' : '';
  };
  const contentOf = node => node.tagName === 'SELECT' ? (node.selectedOptions[0] || {text: ''}).text : node.value || '';
  const nameOf = (node, kind) => {
    if (kind === 'close') return textOf(node);
    if (['field', 'select', 'checkbox', 'radio'].includes(kind)) return labelOf(node);
    const text = node.tagName === 'INPUT' ? clean(node.value) : textOf(node);
    return written(text, getComputedStyle(node));
  };

  const elements = [], chars = [];
  for (const node of document.body.querySelectorAll('*')) {
    const kind = kindOf(node);
    if (kind === null || !shown(node)) continue;
    const box = boxOf(node);
    if (box === null) continue;
    const value = kind === 'field' || kind === 'select' ? contentOf(node) : '';
    const whole = node.getClientRects().length === 1 && area(box) > 0.95 * node.offsetWidth * node.offsetHeight;
    elements.push({kind, text: nameOf(node, kind), box, state: stateOf(node, kind), value, whole});
  }

  // Running text: every character's own rectangle, and each line of a text node as one element.
  const range = document.createRange();
  const blockOf = node => {
    while (node.parentElement && getComputedStyle(node).display === 'inline') node = node.parentElement;
    return node;
  };
  let line = null, blank = false, block = null;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!clean(node.data)) { blank = true; continue; }
    if (/^(SCRIPT|STYLE|OPTION|TEXTAREA|NOSCRIPT)$/.test(parent.tagName) || !shown(parent)) continue;
    const text = written(node.data, getComputedStyle(parent));
    const inside = parent.closest('button, a, [role=tab], [role=button]') || pointer(parent);
    if (inside || blockOf(parent) !== block) { line = null; blank = false; block = blockOf(parent); }
    for (let i = 0; i < text.length; i++) {
      if (/\s/.test(text[i])) { blank = true; continue; }
      range.setStart(node, i); range.setEnd(node, i + 1);
      const r = range.getClientRects()[0];
      const x = r && (r.left + r.right) / 2, y = r && (r.top + r.bottom) / 2;
      if (!r || x >= width || y >= height || hits(parent, x, y) !== parent) { line = null; continue; }
      const b = clip(r);
      chars.push([text[i], b]);
      if (inside) continue;
      if (line && Math.abs(line.box[1] - b[1]) < 2 && b[0] >= line.box[2] - 4) {
        line.text += (blank ? ' ' : '') + text[i];
        line.box = [line.box[0], line.box[1], Math.max(line.box[2], b[2]), Math.max(line.box[3], b[3])];
      } else {
        line = {kind: 'text', text: text[i], box: b, state: '', value: '', whole: true};
        elements.push(line);
      }
      blank = false;
    }
  }

  // Text inside inputs has no ranges of its own: it is measured with the input's font.
  const pen = document.createElement('canvas').getContext('2d');
  const measure = (node, text, centred) => {
    const style = getComputedStyle(node), r = node.getBoundingClientRect();
    const px = name => parseFloat(style[name]) || 0;
    pen.font = style.font;
    pen.letterSpacing = style.letterSpacing === 'normal' ? '0px' : style.letterSpacing;
    const left = r.left + px('borderLeftWidth') + px('paddingLeft');
    const right = r.right - px('borderRightWidth') - px('paddingRight');
    const top = r.top + px('borderTopWidth') + px('paddingTop');
    const middle = (top + r.bottom - px('borderBottomWidth') - px('paddingBottom')) / 2;
    const ink = pen.measureText(text), wide = ink.width;
    const high = (ink.fontBoundingBoxAscent + ink.fontBoundingBoxDescent) / 2;
    const start = (centred ? (left + right - wide) / 2 : left + (node.tagName === 'SELECT' ? 4 : 0)) - node.scrollLeft;
    for (let i = 0; i < text.length; i++) {
      if (/\s/.test(text[i])) continue;
      const from = start + pen.measureText(text.slice(0, i)).width;
      const to = start + pen.measureText(text.slice(0, i + 1)).width;
      const x = (from + to) / 2;
      if (x < left - 1 || x > right + 1 || x >= width || middle >= height || !reaches(node, x, middle)) continue;
      chars.push([text[i], clip({left: from, top: middle - high, right: to, bottom: middle + high})]);
    }
  };
  for (const node of document.querySelectorAll('input, select')) {
    if (TICKS.includes(node.type) || node.type === 'hidden' || !shown(node)) continue;
    const caption = PLAIN.includes(node.type);
    const text = contentOf(node) || node.placeholder || '';
    measure(node, node.type === 'password' && node.value ? '•'.repeat(text.length) : text, caption);
  }
  return {elements, chars};
}"""
