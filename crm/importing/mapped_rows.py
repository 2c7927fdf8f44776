"""What does one block of a mapping make of one file? Canonical rows, and the source rows they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crm.importing.column_rules import Texts
from crm.importing.row_errors import CellError
from crm.importing.source import Ints, Source


class Fate(IntEnum):
    """What became of a source row; where several canonical rows came from it, the highest counts."""

    UNUSED = 0
    UNCHANGED = 1
    IMPORTED = 2
    REJECTED = 3


@dataclass
class MappedFile:
    """A source file while canonical rows are made of it."""

    source: Source
    texts: Texts
    fate: NDArray[np.int8]  # a Fate per source row


@dataclass(kw_only=True)
class MappedRows:
    """Canonical rows that one block made of one file.

    `part_of`: further source rows, each with the position of the canonical row it is part of (-1: of none,
    since it repeats what is there).
    """

    table: str
    file: MappedFile | None
    rows: Ints  # source row of each
    columns: dict[str, pa.Array]
    own_old_values: bool = False
    errors: list[CellError] = field(default_factory=list)
    part_of: Mapping[int, int] = field(default_factory=dict)
    history: tuple[str, ...] = ()
