"""What is taken from a file of arrays, with a clear word about what does not do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from tocsin_models.arrays import Flags, Floats

_ZIP = b"PK"
_NUMBERS = "fiub"  # kinds of array that hold numbers

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """The arrays of an npz file by name; what is asked for and does not do is a ValueError."""

    path: Path
    found: Mapping[str, Array]

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def matrix(self, name: str) -> Floats:
        """Return values ``[N, F]``; whatever is no finite number was not measured."""
        array = self._array(name)
        if array.dtype.kind not in _NUMBERS or array.ndim not in {1, 2} or not array.size:
            raise self._wrong(name, "must be numbers [rows, channels]")
        values = array.astype(np.float64).reshape(len(array), -1)
        return np.where(np.isfinite(values), values, np.nan)

    def labels(self, rows: int) -> Flags | None:
        """Return labels ``[rows]``, None if there are none."""
        array = self.found.get("label")
        if array is None:
            return None
        if array.shape != (rows,) or array.dtype.kind not in _NUMBERS:
            raise self._wrong("label", f"must have a number for each of {rows} rows")
        if not np.isin(array, (0, 1)).all():
            raise ValueError(f"{self.path}: label must hold nothing but 0 and 1")
        return np.asarray(array == 1)

    def integer(self, name: str) -> int:
        """Return a whole number."""
        array = self._array(name)
        if array.size != 1 or array.dtype.kind not in "iu":
            raise self._wrong(name, "must be a whole number")
        return int(array.reshape(()))

    def _array(self, name: str) -> Array:
        if name not in self.found:
            found = ", ".join(sorted(self.found)) or "nothing"
            raise ValueError(f"{self.path}: there is no array {name!r} in it, but {found}")
        return self.found[name]

    def _wrong(self, name: str, wanted: str) -> ValueError:
        array = self.found[name]
        return ValueError(f"{self.path}: {name} {wanted}, and is {array.dtype} {array.shape}")


def read_arrays(path: Path) -> Arrays:
    """Return the arrays in an npz file; one that holds objects, which is code, is refused.

    Raises:
        ValueError: If it is no npz file of plain arrays; names it.
    """
    with naming(path), path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            raise ValueError("this is no npz file")
        file.seek(0)
        with np.load(file) as archive:
            return Arrays(path, {name: archive[name] for name in archive.files})


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say of which file it is that it cannot be read, and make all of that a ValueError."""
    try:
        yield
    except (OSError, EOFError, BadZipFile, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ValueError(f"{path}: {said.removeprefix(f'{path.name}: ')}") from error
