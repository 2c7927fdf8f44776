"""Does a mapping name rows by their line in the file? Lines move, so they are no ids for a list."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing.load import Loader
from crm.importing.mapped_rows import MappedRows
from crm.importing.mapping import LINE, FileMapping
from crm.schema import TABLES
from crm.store.tables import IMPORTS

# Rows of these change from list to list; what happened once (an activity, an event) may be named by its line.
_COME_AGAIN = ("deals", "leads", "accounts", "contracts", "people")


def refuse_line_ids(loader: Loader, mapped: Sequence[MappedRows], mapping: FileMapping) -> None:
    """Warns of ids made of lines; refuses them where such ids are stored and the list has changed."""
    by_line = {
        block.table
        for block in mapping.blocks
        if block.table in _COME_AGAIN and LINE in _key_columns(block.columns.get(TABLES[block.table].key[0]))
    }
    for rows in mapped:
        if rows.table not in by_line or rows.file is None:
            continue
        key, file = TABLES[rows.table].key[0], rows.file.source.file
        ids = {str(name) for name in rows.columns[key].drop_null().to_pylist()}
        if loader.writer.known(rows.table, ids) and not _is_known_list(loader, mapping):
            raise SanchoError(
                Text(
                    "{file}：{key} が行番号（{line}）なので、行が動くと別の{label}の変更になってしまいます。"
                    "保存済みの行があるため取り込みません。マッピングの "
                    "{key} を、行を特定できる列の組み合わせ"
                    "（例 {example}）にしてください。",
                    "{file}: {key} is the line number ({line}), so a row that "
                    "moves would change another one; as such "
                    "rows are stored already, nothing was imported. In the "
                    "mapping, make {key} of columns that "
                    "name the row (e.g. {example}).",
                ).format(
                    file=file, key=key, line=f"{{{LINE}}}", label=TABLES[rows.table].label.ja,
                    example='"{取引先}/{案件名}"',
                ),
                "line_ids",
            )  # fmt: skip
        loader.log.result.note(
            Text(
                f"{file}：{key} が行番号です。行が動くと別の行の変更になるため、"
                "更新された一覧は取り込めません。"
                f"繰り返し取り込む一覧なら、マッピングの {key} を、"
                "行を特定できる列の組み合わせにしてください。",
                f"{file}: {key} is the line number, so a later version of this "
                "list will be refused; for a list that "
                f"comes again, make {key} of columns that name the row.",
            )
        )


def _key_columns(rule: object) -> set[str]:
    columns: set[str] = getattr(rule, "columns", set())
    return columns


def _is_known_list(loader: Loader, mapping: FileMapping) -> bool:
    """Whether the very same files were imported by this mapping, which changes nothing."""
    same = hashlib.sha256("\n".join([*loader.log.digests, mapping.given]).encode()).hexdigest()
    return (
        loader.writer.connection.scalar(sa.select(IMPORTS.c.id).where(IMPORTS.c.digest == same)) is not None
    )
