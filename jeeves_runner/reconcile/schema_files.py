"""The files with the schemas of payloads, read by the planner's process: as they are, or as in a commit."""

from typing import Final

from jeeves_runner.core.manifest.payload_schemas import MAX_SCHEMA, Content, text_in
from jeeves_runner.errors import InvalidValue
from jeeves_runner.regular_files import NotRegular, read_small
from jeeves_runner.sources.contract import StagedFiles
from jeeves_runner.sources.stamps import FileStamp, stamp_of

_PATH_HINT: Final = "correct the path, which starts at the project root, or add the file"


def file_content(path: str) -> bytes:
    """The content of the file at an absolute path; InvalidValue if it cannot be read, or is too long."""
    try:
        return read_small(path, MAX_SCHEMA, follow=True)
    except NotRegular:
        raise InvalidValue("this is no file", hint=_PATH_HINT) from None
    except FileNotFoundError:
        raise InvalidValue("the file is missing", hint=_PATH_HINT) from None
    except OSError as error:
        raise InvalidValue(f"the file cannot be opened: {error.strerror}", hint=_PATH_HINT) from None
    except ValueError as error:
        raise InvalidValue(f"the file cannot be used: {error}", hint="shorten the schema") from None


def content_in(commit: StagedFiles) -> Content:
    """The same of what the next commit, or another one, will have; of what it has no part in, as it is."""

    def content(path: str) -> bytes:
        match commit.kind_of(path):
            case "outside":
                return file_content(path)
            case "file" | "executable":
                return commit.content_of(path)
            case "folder":
                raise InvalidValue("this is no file", hint=_PATH_HINT)
            case _:
                raise InvalidValue("the file is not in the commit", hint=_PATH_HINT)

    return content


class SchemaFiles:
    """The files of one look, each read once, with what stood there: a change makes for another look."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._read: dict[str, bytes | InvalidValue] = {}
        self.stamps: dict[str, FileStamp] = {}

    def content(self, path: str) -> bytes:
        """As ``file_content``."""
        if path not in self._read:
            self.stamps[path] = stamp_of(path)
            try:
                self._read[path] = self._content(path)
            except InvalidValue as error:
                self._read[path] = error
        found = self._read[path]
        if isinstance(found, InvalidValue):
            raise found
        return found

    def holds(self, path: str, text: str | None) -> bool:
        """Whether the file still has the schema of this canonical text."""
        try:
            return text_in(self.content(path)) == text
        except InvalidValue:
            return False
