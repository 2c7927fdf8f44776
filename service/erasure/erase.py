"""How is a person, contact or account erased: in which order, and what if it is interrupted?

A pseudonym takes the place of name and address in every text of every table, and in the home's files; rows,
ids and numbers stay. An id that says who somebody is is replaced as well, by one that sorts as it did.
First it is noted that an erasure has begun, and by which pseudonym; then files and the queue are changed,
and the store last, in one transaction: until that has ended the name is still known, and whoever asks again
goes on with the same pseudonym. At the end everything is searched.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from crm.acting import actor, entry_of
from crm.errors import SanchoError
from crm.i18n import Text
from crm.schema import TABLES
from crm.store import audit, erasures
from crm.store.engine import WRITING, open_engine
from crm.store.erasures import BEGUN, DONE, ERASED, Erasure
from crm.store.queue_database import queue_url
from crm.store.tables import JOB_FILES
from service.erasure.files import clear_free_space, remove_copies, replace_in_files, where_found
from service.erasure.spelling import Replacement, id_in_its_place, identifies, replacement
from service.erasure.transaction import writing_cleanly

if TYPE_CHECKING:
    from service.settings import Settings

KINDS = {"person": "people", "contact": "contacts", "account": "accounts"}
LIST = "erasures.json"  # in the home and in backups: whom an older backup is to forget again
_CLEAR_SECONDS = 30.0  # for readers to let the file be written anew
Step = Callable[[Text, int, "int | None"], None]


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What an erasure changed: rows by table, files, where the name is still found, and what to do.

    `namesakes`: how many others are called the same; their rows keep the name.
    """

    table: str
    row_key: str
    pseudonym: str
    rows: dict[str, int]
    files: list[str]
    left: list[str]
    id_replaced: bool
    in_order: bool = True
    namesakes: int = 0
    cleared: bool = True


def erase(
    settings: Settings,
    kind: str,
    row_id: str,
    *,
    also: Sequence[str] = (),
    replace_id: bool | None = None,
    dry_run: bool = False,
    step: Step = lambda *_: None,
) -> Erased:
    """Erases one; asked again, it goes on where it stopped. `also`: other ways in which the name is written.

    `replace_id`: whether another id takes the place of its own; by default where it says who it is.
    """
    table = KINDS[kind]
    engine = open_engine(settings.store_url)
    try:
        erasure, what, in_order = _planned(engine, table, row_id, also, replace_id)
        _refuse_open_imports(settings)
        if dry_run:
            return _rehearsed(settings, engine, erasure, what, row_id)
        with writing_cleanly(engine) as connection:
            erasures.save_erasure(connection, erasure)
        return _carried_out(settings, engine, erasure, what, row_id, in_order, step)
    finally:
        engine.dispose()


def erase_again(
    settings: Settings, listed: Iterable[Erasure] = (), step: Step = lambda *_: None
) -> list[Erased]:
    """Erases again who was erased before and is there by name: from an older backup, or imported anew."""
    engine = open_engine(settings.store_url)
    try:
        with engine.connect() as connection:
            known = {one.erasure_id: one for one in [*listed, *erasures.all_erasures(connection)]}
            named = {table: erasures.ids_of(connection, table) for table in set(KINDS.values())}
        done = []
        for one in known.values():
            keys = sorted(key for key in named[one.table_name] if one.is_of(one.table_name, key))
            for key in keys or [one.row_key or ""]:
                if (again := _once_more(settings, engine, one, key, step)) is not None:
                    done.append(again)
        with writing_cleanly(engine) as connection:  # those that are not here by name are to be known, too
            have = {one.erasure_id for one in erasures.all_erasures(connection)}
            for one in known.values():
                if one.erasure_id not in have:
                    erasures.save_erasure(connection, one)
        _write_list(settings, engine)
        return done
    finally:
        engine.dispose()


def read_list(path: Path) -> list[Erasure]:
    """The erasures of a file, or of the newer backup in a folder."""
    file = path / "home" / LIST if path.is_dir() else path
    try:
        return [Erasure(**one) for one in orjson.loads(file.read_bytes())]
    except (OSError, ValueError, TypeError):
        raise SanchoError(_NO_LIST.format(file=file), "no_erasures") from None


def list_in_home(settings: Settings) -> list[Erasure]:
    """The erasures that a home knows of; none where there is no list."""
    return read_list(settings.home / LIST) if (settings.home / LIST).is_file() else []


def _once_more(settings: Settings, engine: sa.Engine, one: Erasure, key: str, step: Step) -> Erased | None:
    with engine.connect() as connection:
        others = erasures.ids_of(connection, one.table_name)
        names = _but(one.pseudonym, erasures.names_of(connection, one.table_name, key))
    if not names and key == one.row_key:
        return None
    ids = None if key == one.row_key or one.row_key is None or key not in others else (key, one.row_key)
    if not names and ids is None:
        return None
    return _carried_out(
        settings, engine, replace(one, state=BEGUN), replacement(names, one.pseudonym, ids), key, True, step
    )


def _planned(
    engine: sa.Engine, table: str, row_id: str, also: Sequence[str], replace_id: bool | None
) -> tuple[Erasure, Replacement, bool]:
    """The erasure of a row, new or begun before, with what is to be replaced."""
    with engine.connect() as connection:
        row = erasures.row_of(connection, table, row_id)
        found = erasures.names_of(connection, table, row_id)
        others = erasures.ids_of(connection, table)
        before = [one for one in erasures.all_erasures(connection) if one.is_of(table, row_id)]
        words = erasures.words_of(connection)
    if a_word := [name for name in (*found, *also) if name.strip().casefold() in words]:
        raise SanchoError(_A_WORD.format(name=a_word[0]), "name_is_a_word")
    if row is None and row_id not in others and not before:
        raise SanchoError(_NO_ROW.format(table=TABLES[table].label, id=row_id), "unknown_row")
    random = secrets.token_hex(4)
    pseudonym = before[0].pseudonym if before else f"erased-{random}"
    names = [*_but(pseudonym, found), *also]
    replaced = identifies(row_id, names) if replace_id is None else replace_id
    if before and before[0].row_key != row_id:
        replaced = True
    if not replaced or (before and before[0].row_key == row_id and before[0].salt is not None):
        new, in_order = row_id, True
    elif before and before[0].row_key is not None:
        new, in_order = before[0].row_key, True
    else:
        new, in_order = id_in_its_place(row_id, others - {row_id}, pseudonym.removeprefix("erased-"))
    erasure = before[0] if before else _new(table, row_id, new, pseudonym)
    ids = None if new == row_id else (row_id, new)
    return replace(erasure, state=BEGUN), replacement(names, pseudonym, ids), in_order


def _new(table: str, row_id: str, new: str, pseudonym: str) -> Erasure:
    salt = None if new == row_id else erasures.new_salt()
    return Erasure(
        erasure_id=uuid.uuid4().hex,
        table_name=table,
        pseudonym=pseudonym,
        row_key=new,
        asked_at=time.time_ns() // 1000,
        requested_by=actor().caller,
        salt=salt,
        key_hash=None if salt is None else erasures.hashed(salt, row_id),
    )


def _but(pseudonym: str, names: Iterable[str]) -> list[str]:
    """Names without the pseudonym, which stands in the place of one already."""
    return [name for name in names if name != pseudonym]


def _carried_out(
    settings: Settings,
    engine: sa.Engine,
    erasure: Erasure,
    what: Replacement,
    row_id: str,
    in_order: bool,
    step: Step,
) -> Erased:
    step(_FILES, 0, None)
    changed = replace_in_files(settings, what)
    queue = queue_url(settings.store_url)
    rows = _replace_in_queue(queue, what) if queue != settings.store_url else {}
    step(_TABLES, 0, None)
    done = replace(erasure, state=ERASED, requested_by=what(erasure.requested_by))
    with writing_cleanly(engine) as connection:
        if erasure.table_name == KINDS["person"]:
            erasures.end_sign_in(connection, row_id, time.time_ns() // 1000)
        spared = erasures.namesakes(connection, erasure.table_name, row_id, what, erasure.pseudonym)
        for name, count in erasures.replace_everywhere(connection, what, spared).items():
            rows[name] = rows.get(name, 0) + count
        erasures.save_erasure(connection, done)
        erasures.note_new_state(connection, time.time_ns() // 1000, uuid.uuid4().hex)
        touched = {done.table_name: [done.row_key or ""]}
        audit.save(connection, [entry_of(actor(), "erase", touched=touched)])
    step(_CLEARING, 0, None)
    changed += [file for file in replace_in_files(settings, what) if file not in changed]
    if queue != settings.store_url:  # what a service that runs has put there meanwhile
        _replace_in_queue(queue, what)
    _write_list(settings, engine)
    engine.dispose()
    remove_copies(settings)
    urls = dict.fromkeys((queue, settings.store_url))
    cleared = sum(_cleared(url, rows) for url in urls) == len(urls)  # each, also where one is in use
    step(_SEARCHING, 0, None)
    left = where_found(settings, what)
    if spared:  # it is theirs
        left = []
    if cleared and not left:
        with writing_cleanly(engine) as connection:
            now = time.time_ns() // 1000
            erasures.save_erasure(connection, replace(done, state=DONE, done_at=now))
    return Erased(
        table=done.table_name,
        row_key=done.row_key or "",
        pseudonym=done.pseudonym,
        rows=rows,
        files=changed,
        left=left,
        id_replaced=done.row_key != row_id,
        in_order=in_order,
        namesakes=len(spared),
        cleared=cleared,
    )


def _rehearsed(
    settings: Settings, engine: sa.Engine, erasure: Erasure, what: Replacement, row_id: str
) -> Erased:
    """What would be changed; nothing is."""
    with engine.connect().execution_options(**{WRITING: True}) as connection:
        opened = connection.begin()
        spared = erasures.namesakes(connection, erasure.table_name, row_id, what, erasure.pseudonym)
        rows = erasures.replace_everywhere(connection, what, spared)
        opened.rollback()
    kept = str(settings.kept_folder.relative_to(settings.home))
    files = [file for file in where_found(settings, what) if not file.startswith(("sancho", kept))]
    return Erased(
        table=erasure.table_name,
        row_key=erasure.row_key or "",
        pseudonym=erasure.pseudonym,
        rows=rows,
        files=files,
        left=[],
        namesakes=len(spared),
        id_replaced=erasure.row_key != row_id,
    )


def _replace_in_queue(url: str, what: Replacement) -> dict[str, int]:
    engine = open_engine(url)
    try:
        with writing_cleanly(engine) as connection:
            return erasures.replace_everywhere(connection, what)
    finally:
        engine.dispose()


def _refuse_open_imports(settings: Settings) -> None:
    """A file that waits to be imported may bring the name back."""
    engine = open_engine(queue_url(settings.store_url))
    try:
        with engine.connect() as connection:
            waiting = list(connection.execute(sa.select(JOB_FILES.c.job_id).distinct()).scalars())
    finally:
        engine.dispose()
    if waiting:
        raise SanchoError(_OPEN_IMPORT.format(jobs=", ".join(sorted(waiting))), "import_open")


def _cleared(url: str, rows: Collection[str]) -> bool:
    """Writes a database's files anew where it can, so that no byte of what was replaced is left."""
    engine = open_engine(url)
    try:
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for table in rows:
                    connection.exec_driver_sql(f'VACUUM FULL "{table}"')
            return True
        file = engine.url.database
    finally:
        engine.dispose()
    until = time.monotonic() + _CLEAR_SECONDS
    with closing(sqlite3.connect(str(file), timeout=5.0, isolation_level=None)) as database:
        while not clear_free_space(database):
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
    return True


def _write_list(settings: Settings, engine: sa.Engine) -> None:
    """Keeps the list beside the store, so that a restore of an older backup finds it."""
    with engine.connect() as connection:
        found = [asdict(one) for one in erasures.all_erasures(connection)]
    if not found:
        return
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    passing = settings.home / f".{LIST}.new"
    with suppress(OSError):
        passing.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        passing.chmod(0o600)
        passing.replace(settings.home / LIST)


_FILES = Text("モデルとファイルから名前を消しています", "Taking the name out of models and files")
_TABLES = Text("データベースから名前を消しています", "Taking the name out of the database")
_CLEARING = Text("空き領域を消去しています", "Clearing what is left on the disk")
_SEARCHING = Text("残っていないか確認しています", "Searching for what is left")
_NO_ROW = Text(
    "{table}に「{id}」はありません。IDを確認してください。",
    "there is no {id!r} among {table}; check the id.",
)
_OPEN_IMPORT = Text(
    "取り込み待ちのファイルがあります（ジョブ {jobs}）。名前が再び取り込まれるため、終わるのを待つか "
    "`sancho jobs cancel` で取り消してから、もう一度実行してください。",
    "files wait to be imported (jobs {jobs}) and may bring the name back; wait until they are done or cancel "
    "them (`sancho jobs cancel`), then erase again.",
)
_A_WORD = Text(
    "「{name}」はデータの項目や値にも使われる言葉のため、文中から消去できません。"
    "先にCRMで別の名前に変えて取り込んでください。",
    "{name!r} is also a word that data are made of, so it cannot be taken out of texts; give it another name "
    "in the CRM and import that first.",
)
_NO_LIST = Text(
    "消去の一覧「{file}」を読めません。新しいバックアップのフォルダーか、ホームの erasures.json を指定して"
    "ください。",
    "cannot read a list of erasures from {file}; name a newer backup's folder, or a home's erasures.json.",
)
