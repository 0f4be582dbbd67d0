"""Folders in the data folder, reached without following any link.

Scripts of the same user may put what they like into the data folder, so a link in it may lead anywhere. The
data folder itself is named by the user, and may be a link.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from jeeves_runner.access import make_folder, make_folder_in
from jeeves_runner.regular_files import real_folder


@contextmanager
def folder_in_data(data_dir: str, *names: str, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder that ``names`` lead to from the data folder, one after the other.

    ``make``: with the folders that are missing, each as private as the one above. Raises OSError,
    FileNotFoundError for a folder that is missing.
    """
    with ExitStack() as ends:
        place = data_dir
        try:
            if make:
                make_folder(Path(data_dir))
            folder = ends.enter_context(real_folder(data_dir, follow=True))
            for name in names:
                place = f"{place}/{name}"
                if make:
                    make_folder_in(folder, name)
                folder = ends.enter_context(real_folder(name, folder=folder))
        except OSError as error:
            words = f"the folder {place} cannot be used: {error.strerror}"
            raise OSError(error.errno, words, place) from None
        yield folder
