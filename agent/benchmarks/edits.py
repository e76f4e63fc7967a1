"""How many edits lie between two texts, and between two trees: the measures of reading."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from rapidfuzz.distance import Levenshtein

from model.parsing.documents import Block


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Least number of insertions, deletions and replacements that make one the other (Levenshtein)."""
    return int(Levenshtein.distance(one, other))


def text_distance(truth: str, said: str) -> float:
    """Edits for each character of the longer text: 0 equal, 1 nothing in common."""
    return edit_distance(truth, said) / max(len(truth), len(said), 1)


@dataclass
class Node:
    tag: str
    text: str = ""
    children: list[Node] = field(default_factory=list)

    @property
    def size(self) -> int:
        return 1 + sum(child.size for child in self.children)


def teds(truth: Sequence[Node], said: Sequence[Node], structure: bool = False) -> float:
    """Tree-edit-distance similarity of all tables of a page, 0 to 1: 1 - distance / nodes of the larger side.

    Inserting and deleting a node costs 1, renaming it 1 where the tags differ, else the text distance; with
    `structure` texts do not count. Source: X. Zhong et al., PubTabNet, arXiv 1911.10683, section 5.
    """

    def rename(one: Node, other: Node) -> float:
        if one.tag != other.tag:
            return 1.0
        return 0.0 if structure or one.text == other.text else text_distance(one.text, other.text)

    ours, theirs = Node("root", children=list(truth)), Node("root", children=list(said))
    most = max(ours.size, theirs.size) - 1  # the root is ours, not the page's
    return 1 - tree_distance(ours, theirs, rename) / most if most else 1.0


def tree_distance(one: Node, other: Node, rename: Callable[[Node, Node], float]) -> float:
    """Cost of the cheapest edits between ordered trees; inserting or deleting a node costs 1.

    Source: K. Zhang and D. Shasha, SIAM Journal on Computing 18 (1989). `first[i]` is the first leaf below node i,
    nodes counted children before parents; a keyroot is the last of the nodes that share a first leaf.
    """
    (a, first_a), (b, first_b) = ordered(one), ordered(other)
    known = [[0.0] * len(b) for _ in a]  # distances between whole subtrees
    for root_a in keyroots(first_a):
        for root_b in keyroots(first_b):
            i0, j0 = first_a[root_a], first_b[root_b]
            costs = [[float(j) for j in range(root_b - j0 + 2)]]
            for i in range(i0, root_a + 1):
                costs.append([float(i - i0 + 1)])
                for j in range(j0, root_b + 1):
                    above, left = costs[-2][j - j0 + 1] + 1, costs[-1][j - j0] + 1
                    if first_a[i] == i0 and first_b[j] == j0:
                        known[i][j] = min(above, left, costs[-2][j - j0] + rename(a[i], b[j]))
                        costs[-1].append(known[i][j])
                    else:
                        before = costs[first_a[i] - i0][first_b[j] - j0]
                        costs[-1].append(min(above, left, before + known[i][j]))
    return known[-1][-1]


def ordered(root: Node) -> tuple[list[Node], list[int]]:
    """The nodes, children before their parent, and for each the place of the first leaf below it."""
    nodes: list[Node] = []
    first: list[int] = []

    def visit(node: Node) -> None:
        begin = len(nodes)
        for child in node.children:
            visit(child)
        nodes.append(node)
        first.append(begin)

    visit(root)
    return nodes, first


def keyroots(first: Sequence[int]) -> list[int]:
    return sorted({leaf: place for place, leaf in enumerate(first)}.values())


def tables(blocks: Iterable[Block]) -> list[Node]:
    return [read_table(block.source) for block in blocks if block.kind == "table"]


def outline(blocks: Iterable[Block]) -> list[Node]:
    """The blocks without their texts; a table with its rows and cells."""
    return [bare(block) for block in blocks]


def bare(block: Block) -> Node:
    return read_table(block.source) if block.kind == "table" and block.source else Node(block.kind)


def read_table(source: str) -> Node:
    """Rows and cells with their texts. Column headings are cells; thead and tbody, which some write, are left out."""
    reader = _Table()
    reader.feed(source)
    reader.close()
    return reader.table


class _Table(HTMLParser):
    """A row or cell ends where the next begins, as in a browser."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Node("table")
        self.in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.table.children.append(Node("tr"))
            self.in_cell = False
        elif tag in ("td", "th"):
            if not self.table.children:
                self.table.children.append(Node("tr"))
            spans = "".join(
                f" {name}={value}" for name, value in attrs if name in ("colspan", "rowspan") and value != "1"
            )
            self.table.children[-1].children.append(Node(f"td{spans}"))
            self.in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self.in_cell = False

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            cell = self.table.children[-1].children[-1]
            cell.text = " ".join(f"{cell.text} {data}".split()) if data.strip() else cell.text
