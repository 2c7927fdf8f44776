"""Does an installed Sancho work in any folder, also in one whose files have the names of its packages?

The packages have plain names (`models`, `features`, ...). An empty folder `models/` beside a notebook must
not hide ours; a `models.py` there does, and then `import sancho` must name it. Each check runs in processes
of the installation's own Python, with the folder as their working folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sancho", "crm", "pictures", "simulator", "features", "models", "training", "service")
_SOURCE = (*PACKAGES, "pyproject.toml", "README.md", "LICENSE")  # what a wheel is made of
_SMALL = 'language = "en"\n[train]\ntrees = 10\nleaves = 4\nmax_moments = 3000\nquestions = 1\n'
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "OMP_NUM_THREADS", "TMPDIR")
_NOTEBOOK = "01_the_data_and_its_history.ipynb"


class CheckError(Exception):
    """A check that failed: one sentence, then what was printed."""


@dataclass(frozen=True)
class Installation:
    """An environment that Sancho is installed in."""

    python: Path

    def script(self, name: str) -> str:
        """A command of the environment, such as `sancho`."""
        return str(self.python.parent / name)

    def run(self, folder: Path, *line: str, status: int = 0, seconds: float = 900) -> str:
        """What a command prints that runs in `folder`; CheckError where its exit status is another."""
        with subprocess.Popen(
            line,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as process:
            try:
                printed, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise CheckError(f"{_name(line)} did not end within {seconds:.0f} s") from None
        if process.returncode != status:
            raise CheckError(
                f"{_name(line)} ended with {process.returncode}, expected {status}:\n{printed.strip()}"
            )
        return printed

    def execute(self, folder: Path, code: str) -> str:
        """What Python code prints, with the working folder first on the path, as in a notebook."""
        return self.run(folder, str(self.python), "-c", code)


def environment(folder: Path) -> dict[str, str]:
    """Variables of a process: nothing of this one's Python or Sancho, a home in the working folder."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    return kept | {
        "SANCHO_HOME": str(folder / ".sancho"),
        "PYTHONUTF8": "1",
        "IPYTHONDIR": str(folder / ".ipython"),
    }


def _name(line: Sequence[str]) -> str:
    words = [Path(line[0]).name, *(word if "\n" not in word else "..." for word in line[1:])]
    return f"`{' '.join(words)}`"


# How it is installed


def copy_source(to: Path) -> Path:
    """The files that a wheel is made of, in a folder of their own: nothing is built in the checkout."""
    for name in _SOURCE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, to / name)
    return to


def bare_environment(folder: Path) -> Installation:
    """An environment without any package but pip's."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return Installation(folder / "bin" / "python")


def borrowing_environment(folder: Path) -> Installation:
    """An environment with no package of its own that sees those of the running one, but not its Sancho.

    The other environment is named in a .pth file; a .pth file over there, such as that of its own development
    install, is not read.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    installation = Installation(folder / "bin" / "python")
    own = installation.run(
        folder, str(installation.python), "-c", "import site; print(site.getsitepackages()[0])"
    )
    places = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    (Path(own.strip()) / "zz_borrowed.pth").write_text("\n".join(places) + "\n", "utf-8")
    return installation


def pip(*arguments: str, python: Path | None = None) -> None:
    """Runs this environment's pip, on another environment where `python` is given."""
    on = [] if python is None else ["--python", str(python)]
    options = ["--disable-pip-version-check", "--quiet"]
    if arguments[0] == "install":
        options.append("--no-compile")  # of every module of every library; a check imports a few
    line = [sys.executable, "-m", "pip", *on, arguments[0], *options, *arguments[1:]]
    done = subprocess.run(line, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise CheckError(f"pip {arguments[0]} failed:\n{done.stderr.strip()}")


def build_wheel(source: Path, to: Path, *options: str) -> Path:
    """The wheel that `pip wheel` makes of a source folder."""
    pip("wheel", "--no-deps", "--wheel-dir", str(to), *options, str(source))
    return next(to.glob("*.whl"))


# The folders in which it is tried


def folder_with_empty_packages(folder: Path) -> Path:
    """A working folder as somebody keeps data in: `models/` and `training/` that are no packages."""
    for name in ("models", "training"):
        (folder / name).mkdir(parents=True)
    (folder / "sancho.toml").write_text(_SMALL, "utf-8")
    return folder


def folder_with_intruders(folder: Path) -> Path:
    """A working folder whose `models.py` and `features/` Python would import instead of ours."""
    (folder / "features").mkdir(parents=True)
    (folder / "features" / "__init__.py").write_text("", "utf-8")
    (folder / "models.py").write_text("", "utf-8")
    (folder / "sancho.toml").write_text(_SMALL, "utf-8")
    return folder


# What is tried


def check_imports(installation: Installation, folder: Path) -> None:
    """`import sancho` gives its names, and each package is the one beside `sancho`."""
    code = f"""
import importlib, pathlib, sancho
home = pathlib.Path(sancho.__file__).parents[1]
for name in {PACKAGES}:
    found = pathlib.Path(importlib.import_module(name).__file__).parents[1]
    assert found == home, f"{{name}} is in {{found}}, sancho in {{home}}"
for name in sancho.__all__:
    getattr(sancho, name)
assert sancho.__version__, "no version: not installed"
"""
    installation.execute(folder, code)


def check_command_line(installation: Installation, folder: Path) -> None:
    """`sancho --help` and an import of a file, by the command that the installation made."""
    (folder / "deals.csv").write_text(
        "deal_id,created_at,stage,amount\nD1,2026-01-05,Proposal,100\n", "utf-8"
    )
    installation.run(folder, installation.script("sancho"), "--help")
    installation.run(folder, installation.script("sancho"), "import", "deals.csv")


def check_intruder_is_named(installation: Installation, folder: Path) -> None:
    """`import sancho` where a file of the working folder hides a package: one sentence names that file."""
    for place in (folder / "features", folder / "models.py"):
        printed = installation.run(folder, str(installation.python), "-c", "import sancho", status=1)
        sentence = printed.strip().splitlines()[-1]
        if not (sentence.startswith("ImportError: sancho: the package") and str(place) in sentence):
            raise CheckError(f"import sancho does not name {place.name}:\n{printed.strip()}")
        if place.is_dir():  # the first of two intruders is named; without it, the second
            shutil.rmtree(place)


def check_demo(installation: Installation, folder: Path) -> None:
    """`sancho demo`, small: started until it is ready, asked, stopped."""
    port = free_port()
    line = [installation.script("sancho"), "demo", "--deals", "300", "--port", str(port)]
    with started(line, folder) as process:
        wait_until_ready(port, process, 600)
        process.send_signal(signal.SIGINT)
        process.wait(30)
    printed = (folder / "printed.txt").read_text("utf-8")
    if "Traceback" in printed or "curl" not in printed:
        raise CheckError(f"`sancho demo` ended with {process.returncode}:\n{printed.strip()}")


def check_pyfunc(installation: Installation, folder: Path) -> None:
    """`mlflow.pyfunc.load_model` loads the model that the demo registered; it scores as in training."""
    code = """
import os
from pathlib import Path
import mlflow, pandas as pd
from training.registry import Registry
registry = Registry(Path(os.environ["SANCHO_HOME"]))
bundle, info = registry.load()
mlflow.set_tracking_uri(registry.uri)
model = mlflow.pyfunc.load_model(f"models:/{info.name}/{info.version}")
kept = bundle.self_check
rows = pd.DataFrame(kept.x, columns=list(bundle.features)).assign(moment=kept.at, horizon_days=kept.horizon)
assert model.predict(rows)["won_by"].tolist() == kept.won_by.tolist()
"""
    installation.execute(folder, code)


def check_dask_worker(installation: Installation, folder: Path) -> None:
    """A Dask scheduler and a worker, started by their commands: their scores are those of one process."""
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = [installation.script("dask"), "scheduler", "--host", address, "--no-dashboard"]
    worker = [installation.script("dask"), "worker", address, "--no-dashboard", "--nthreads", "1"]
    code = f"""
import os, time
from pathlib import Path
import distributed, sancho
from crm.periods import parse_period
from models.scoring import score_open
from training.dask import open_cluster, to_parquet
from training.registry import Registry
bundle, info = Registry(Path(os.environ["SANCHO_HOME"])).load()
log = sancho.open_store().read()
period = parse_period("2027-Q1", bundle.calendar.fiscal_start_month)
with distributed.Client({address!r}, timeout=60) as client:
    client.wait_for_workers(1, timeout=120)
with open_cluster({address!r}, to_parquet(log, Path("parquet"))) as cluster:
    theirs = cluster.score_open(bundle, bundle.as_of, period, info.version)
ours = score_open(bundle, log, bundle.as_of, period, info.version)
assert theirs["deal_id"].tolist() == ours["deal_id"].tolist() and len(ours) > 0
assert (theirs["win_probability"] - ours["win_probability"]).abs().max() < 1e-12
"""
    with started(scheduler, folder, "scheduler.txt"), started(worker, folder, "worker.txt"):
        installation.execute(folder, code)


def check_notebook(installation: Installation, folder: Path) -> None:
    """A notebook runs from top to bottom, by a kernel whose working folder is the folder."""
    shutil.copy(ROOT / "notebooks" / _NOTEBOOK, folder / _NOTEBOOK)
    code = f"""
import nbformat
from nbclient import NotebookClient
book = nbformat.read({_NOTEBOOK!r}, nbformat.NO_CONVERT)
NotebookClient(book, timeout=600, kernel_name="python3", resources={{"metadata": {{"path": "."}}}}).execute()
"""
    installation.execute(folder, code)


def check_command_line_trains(installation: Installation, folder: Path) -> None:
    """A sample organisation by the command line from nothing to scores, with Dask workers of its own."""
    sancho = installation.script("sancho")
    installation.run(folder, sancho, "world", "sample", "--deals", "300", "--end", "2026-10-31")
    installation.run(folder, sancho, "import", "sample")
    installation.run(folder, sancho, "train", "--as-of", "2026-10-31", "--dask", "local")
    installation.run(folder, sancho, "score", "--as-of", "2026-10-31", "--json")


Check = Callable[[Installation, Path], None]
BESIDE_EMPTY_FOLDERS: Mapping[str, Check] = {
    "import sancho": check_imports,
    "command line": check_command_line,
}
BESIDE_EMPTY_FOLDERS_LONGER: Mapping[str, Check] = {
    "sancho demo": check_demo,
    "mlflow.pyfunc.load_model": check_pyfunc,
    "a Dask worker": check_dask_worker,
    "a notebook": check_notebook,
}
BESIDE_INTRUDERS: Mapping[str, Check] = {
    "command line": check_command_line,
    "train and score": check_command_line_trains,
    "import sancho names the intruder": check_intruder_is_named,
}


# Processes that serve


@contextmanager
def started(
    line: Sequence[str],
    folder: Path,
    printed: str = "printed.txt",
    variables: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that goes on until it is stopped; what it prints is kept in a file of its working folder."""
    surroundings = environment(folder) if variables is None else variables
    with (folder / printed).open("wb") as file:
        process = subprocess.Popen(
            line, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port of the loopback address that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(
    port: int, process: subprocess.Popen[bytes], seconds: float, path: str = "/readyz"
) -> None:
    """Returns once the service says it is ready; CheckError where it ends before or takes longer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CheckError(f"the service ended with {process.returncode} before it was ready")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise CheckError(f"the service was not ready within {seconds:.0f} s")
