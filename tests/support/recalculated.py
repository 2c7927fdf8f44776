"""What does another program make of a workbook? LibreOffice recalculates it; its values are read back."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook import Workbook

_SECONDS = 180


def recalculated(file: Path, folder: Path) -> Workbook:
    """The workbook as LibreOffice saves it, all formulas computed by it; skips where that is not installed.

    The values that the file came with are taken out first, so that what is read is what was computed.
    """
    program = shutil.which("libreoffice") or shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed: nothing else here recalculates a workbook")
    bare = folder / "bare" / file.name
    bare.parent.mkdir(parents=True, exist_ok=True)
    openpyxl.load_workbook(file).save(bare)  # openpyxl keeps formulas and drops their values
    out = folder / "recalculated"
    home = f"-env:UserInstallation=file://{folder / 'office'}"
    asked = [program, home, "--headless", "--convert-to", "xlsx", "--outdir", str(out), str(bare)]
    subprocess.run(asked, check=True, capture_output=True, timeout=_SECONDS)
    with warnings.catch_warnings():  # LibreOffice adds extensions that openpyxl does not read
        warnings.filterwarnings("ignore", message=".*extension is not supported", category=UserWarning)
        return openpyxl.load_workbook(out / file.name, data_only=True)
