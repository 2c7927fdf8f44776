"""Which tables were read from the store last? Kept as Arrow files in the home, so that no row is read twice.

They are named by all imports of the store they were read from and by the code that read them: whatever else a
folder is named, or whatever is damaged in it, is not read. Nothing here is needed: without it the store is
read, and anybody may delete the folder at any time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

import crm
from crm.errors import SanchoError
from crm.kept_folder import keep_folder, place
from crm.sealed_folder import read_sealed
from crm.store.tables import IMPORTS
from crm.versions import Versions

_KIND = "tables"
_VERSIONS = "versions"  # the file of all tables' versions; no table has this name
Read = tuple[dict[str, pa.Table], dict[str, Versions]]


def stored_state(connection: sa.Connection) -> str:
    """A name for all that was ever stored, and for the code that reads it."""
    changed = sa.select(IMPORTS.c.id, IMPORTS.c.at, IMPORTS.c.imported, IMPORTS.c.digest)
    rows = connection.execute(changed.where(IMPORTS.c.imported > 0).order_by(IMPORTS.c.id))
    said = json.dumps([sources(), pa.__version__, [list(row) for row in rows]])
    return sha256(said.encode()).hexdigest()[:32]


@cache
def sources() -> str:
    """A digest of this room's code: what another version has kept is not read."""
    folder = Path(crm.__file__).parent
    files = [*folder.glob("*.py"), *(folder / "store").glob("*.py")]
    return sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def kept_state(folder: Path, state: str) -> Read | None:
    """The tables and versions of a state of the store; None where they are not kept, or damaged."""
    kept = place(folder, _KIND, state)
    if not kept.is_dir():
        return None
    try:
        names = read_sealed(kept)["tables"]
        tables = {name: _read(kept / f"{name}.arrow") for name in names}
        return tables, _versions(_read(kept / f"{_VERSIONS}.arrow"))
    except (SanchoError, OSError, KeyError, ValueError, pa.ArrowException):
        return None


def keep_state(
    folder: Path, state: str, tables: Mapping[str, pa.Table], versions: Mapping[str, Versions]
) -> None:
    """Keeps tables and versions as those of a state of the store, in place of older states'.

    Where that cannot be written (a home that is only read, a full disk), nothing is kept.
    """
    written = {**tables, _VERSIONS: _table_of(versions)}

    def fill(into: Path) -> None:
        for name, table in written.items():
            file = pa.OSFile(str(into / f"{name}.arrow"), "wb")
            with file, pa.ipc.new_file(file, table.schema) as out:
                out.write_table(table)

    size = sum(table.nbytes for table in written.values())
    with suppress(pa.ArrowException):
        keep_folder(folder, _KIND, state, size, fill, {"tables": list(tables)})


def _read(file: Path) -> pa.Table:
    with pa.memory_map(str(file)) as mapped:
        return pa.ipc.open_file(mapped).read_all()


def _table_of(versions: Mapping[str, Versions]) -> pa.Table:
    rows = [(name, *row) for name, of_table in versions.items() for row in of_table.as_rows()]
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, _SCHEMA.types, strict=True)], _SCHEMA
    )


def _versions(table: pa.Table) -> dict[str, Versions]:
    rows: dict[str, list[tuple[str, int, bool, str | None, str]]] = {}
    for name, *row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        rows.setdefault(name, []).append(tuple(row))
    return {name: Versions.of(of_table) for name, of_table in rows.items()}


_SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("key", pa.string()),
        ("known_from", pa.int64()),
        ("gone", pa.bool_()),
        ("merged_into", pa.string()),
        ("contents", pa.string()),
    ]
)
