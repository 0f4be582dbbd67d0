"""Tables as they are heard: one cell after the other, so that rows, columns and tables need names."""

from html.parser import HTMLParser
from typing import Final

_NAMES: Final = ("aria-label", "aria-labelledby")
_OF_ROWS: Final = ("row", "rowgroup")
_OF_COLUMNS: Final = ("col", "colgroup")


class Tables(HTMLParser):
    """Of a page, or of a template without what is filled in: ``wrong`` says what is wrong with its tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.seen = 0
        self._is_named = self._is_headed = self._in_head = self._in_row = False
        self._row, self._has_name = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self.seen += 1
            self._is_named = any(given.get(name) is not None for name in _NAMES)
            # A piece of a file has lines and their numbers, which need no heads.
            self._is_headed = (given.get("class") or "") == "lines"
        elif tag == "caption":
            self._is_named = True
        elif tag == "thead":
            self._in_head = True
        elif tag == "tr":
            self._row, self._has_name = self.get_starttag_text() or tag, False
        elif tag == "th" and self._in_head:
            self._is_headed = True
        elif tag == "th":
            if given.get("scope") in _OF_ROWS:
                self._has_name = True
            elif given.get("scope") not in _OF_COLUMNS:
                self.wrong.append(f"it is not said of what this is the head: {self.get_starttag_text()}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._in_head = False
        elif tag == "tr" and not self._in_head and not self._has_name:
            self.wrong.append(f"a row without a name: {self._row}")
        elif tag == "table":
            if not self._is_named:
                self.wrong.append(f"a table without a name, the {self.seen}. of its page")
            if not self._is_headed:
                self.wrong.append(f"a table without heads of its columns, the {self.seen}. of its page")
