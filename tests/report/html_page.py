"""A page as tests look at it: its elements, their texts, and its tables; badly nested elements are an error."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """What a browser would find in a page, as far as the tests ask."""

    VOID = frozenset({"meta", "link", "img", "br", "wbr", "input", "hr"})

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in self.VOID or (self._open and self._open[-1] == "svg"):
            return
        self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open[-1:]:
            self._open.pop()
        else:
            assert tag in {"line", "circle"}, f"</{tag}> closes <{self._open[-1:]}>"

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]

    def table(self, first_heading: str, second_heading: str) -> list[list[str]]:
        """Cells of the first table whose heading row begins so, white space squeezed."""
        for table in self.tables:
            rows = [[" ".join(cell.split()) for cell in row] for row in table]
            if rows[0][:2] == [first_heading, second_heading]:
                return rows
        raise AssertionError(f"no table begins with {first_heading}, {second_heading}")
