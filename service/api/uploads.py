"""How does a file come in by a form? In parts to the disk, up to the limit of imports, with a few fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from crm.errors import SanchoError
from crm.i18n import Text
from service.job_requests import counted

_MOST_FIELDS = 3_000  # of a form: a file can have 1,000 columns
_LONGEST_FIELD = 1 << 20  # bytes
_LONGEST_NAME = 200
NO_NAME = Text(
    "ファイルの名前を file= で指定してください（例：file=deals.csv）。",
    "give the file's name as file= (such as file=deals.csv).",
)
_NO_FILE = Text("ファイルを選んでから送ってください。", "choose a file first, then send it.")
_BAD_FORM = Text(
    "フォームを読めません（{fault}）。もう一度送ってください。",
    "cannot read the form ({fault}); send it again.",
)


@dataclass(frozen=True)
class Upload:
    """A file that has come, its name without folders, and the fields beside it."""

    file: IO[bytes]
    name: str
    fields: dict[str, str]


def is_upload(request: Request) -> bool:
    """Whether a request's body is a form with a file."""
    return request.headers.get("content-type", "").startswith("multipart/form-data")


@asynccontextmanager
async def uploaded(request: Request) -> AsyncIterator[Upload]:
    """The file of a form, on the disk as soon as it is larger than a megabyte; gone afterwards."""
    parser = MultiPartParser(
        request.headers,
        counted(request.stream()),
        max_files=1,
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except MultiPartException as fault:
        raise SanchoError(_BAD_FORM.format(fault=fault.message), "bad_request") from fault
    try:
        sent = next((value for _, value in form.multi_items() if isinstance(value, UploadFile)), None)
        name = "" if sent is None else file_name(sent.filename or "")
        if sent is None or not name:
            raise SanchoError(_NO_FILE, "no_file")
        fields = {key: value for key, value in form.multi_items() if isinstance(value, str)}
        yield Upload(sent.file, name, fields)
    finally:
        await form.close()


def file_name(given: str) -> str:
    r"""The name of a file without the folders that some browsers send.

    >>> file_name("C:\\lists\\商談.csv"), file_name("../deals.csv")
    ('商談.csv', 'deals.csv')
    """
    return PurePosixPath(given.replace("\\", "/")).name[-_LONGEST_NAME:]
