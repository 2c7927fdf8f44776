"""Does the image build and run, read-only and as a user without rights, and how soon is it ready?

    python -m tools.image                                      # with docker, podman or buildah
    python -m tools.image --base localhost/python:3.11 --option --volume=/etc/pip.conf:/etc/pip.conf:ro

Built, then run with a read-only root: its command line; what its user may write to; the lean MLflow server of
compose.yaml; a small organisation imported and trained with it; the service with an empty home and with the
home of the run before. Where there is neither docker nor podman, buildah builds it with chroot isolation, and
the same runs are made in a chroot of their own (by root, in a mount namespace).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.installation import CheckError, free_port, started, wait_until_ready
from tools.soak import resident_mib

ROOT = Path(__file__).resolve().parent.parent
TAG = "localhost/sancho:check"
UID = 10001
DEALS = 300
PATIENCE_SECONDS = 1800.0  # for a step on a slow machine; what it takes is printed
READY_SECONDS = 20.0  # with an empty home and a read-only root
_HOME, _DATA = "/var/lib/sancho", "/data"
_WRITES = """
import os, tempfile
print(os.getuid())
for folder in ("/", "/opt/sancho", "/usr", "/etc", "/tmp", "/var/lib/sancho", "/home/sancho"):
    try:
        tempfile.TemporaryFile(dir=folder).close()
        print(folder)
    except OSError:
        pass
"""


class NoEngineError(Exception):
    """Nothing here can build or run an image; its text says what was looked for."""


@dataclass(frozen=True)
class Run:
    """How a container is run: its command with entry point, its variables, its writable folders."""

    command: tuple[str, ...]
    home: Path
    data: Path
    variables: Mapping[str, str] = field(default_factory=dict)


class Engine:
    """Docker or podman: builds, and gives the command line of a run on the machine's own network."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, base: str | None, options: Sequence[str]) -> None:
        """Builds the image."""
        given = [] if base is None else ["--build-arg", f"PYTHON_IMAGE={base}"]
        _must(self.name, "build", *options, *given, "--tag", TAG, str(ROOT))

    def mib(self) -> float:
        """The size of the image."""
        return int(_must(self.name, "image", "inspect", "--format", "{{.Size}}", TAG)) / 2**20

    def line(self, run: Run) -> list[str]:
        """The command line that runs it."""
        sealed = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        given = [f"--env={name}={value}" for name, value in run.variables.items()]
        mounted = [f"--volume={run.home}:{_HOME}", f"--volume={run.data}:{_DATA}"]
        first, *rest = run.command
        return [
            self.name, "run", "--rm", "--init", "--network=host", *sealed, *given, *mounted,
            f"--entrypoint={first}", TAG, *rest,
        ]  # fmt: skip

    def close(self) -> None:
        """Removes what only the check needed."""


class Chroot(Engine):
    """Buildah with chroot isolation, which needs no rights of a container; runs in a chroot of our own."""

    def __init__(self) -> None:
        super().__init__("buildah")
        self._root, self._container = "", ""
        self._driver = os.environ.get("STORAGE_DRIVER", "vfs")
        os.environ["STORAGE_DRIVER"] = self._driver

    def build(self, base: str | None, options: Sequence[str]) -> None:
        """Builds the image, layer by layer: a second build begins where the Dockerfile changed."""
        given = [] if base is None else ["--build-arg", f"PYTHON_IMAGE={base}"]
        line = ("bud", "--layers", "--isolation=chroot", *options, *given, "--tag", TAG, str(ROOT))
        _must(self.name, *line)
        self._container = _must(self.name, "from", "--pull-never", TAG).strip()
        self._root = _must(self.name, "mount", self._container).strip()

    def mib(self) -> float:
        """The size of all files of the image."""
        return float(_must("du", "-s", "--block-size=1", self._root).split()[0]) / 2**20

    def line(self, run: Run) -> list[str]:
        """A read-only root with the folders that may be written to, and the image's own variables."""
        config = "{{range .OCIv1.Config.Env}}{{println .}}{{end}}"
        own = _must(self.name, "inspect", "--type=image", "--format", config, TAG).split("\n")
        variables = dict(line.split("=", 1) for line in own if "=" in line) | dict(run.variables)
        script = f"""set -e
mount --make-rprivate /
mount --bind '{self._root}' '{self._root}'
mkdir -p '{self._root}{_DATA}'
mount -o remount,bind,ro '{self._root}'
mount -t proc proc '{self._root}/proc'
mount --rbind /dev '{self._root}/dev'
mount -t tmpfs -o mode=1777 tmpfs '{self._root}/tmp'
mount --bind '{run.home}' '{self._root}{_HOME}'
mount --bind '{run.data}' '{self._root}{_DATA}'
cd '{self._root}'
exec chroot '{self._root}' setpriv --reuid={UID} --regid={UID} --clear-groups --no-new-privs \\
    --inh-caps=-all --bounding-set=-all env -i -C {_HOME} HOME=/home/sancho "$@"
"""
        given = [f"{name}={value}" for name, value in variables.items()]
        return ["unshare", "--mount", "sh", "-c", script, "sh", *given, *run.command]

    def close(self) -> None:
        """Removes the container whose files were used."""
        if self._container:
            _quiet(self.name, "rm", self._container)


def engine() -> Engine:
    """What can build and run here."""
    for name in ("docker", "podman"):
        if shutil.which(name) and _quiet(name, "info").returncode == 0:
            return Engine(name)
    if shutil.which("buildah") and os.geteuid() == 0:
        return Chroot()
    raise NoEngineError("neither docker nor podman answers here, nor is there buildah with a root user")


def check(found: Engine, base: str | None, options: Sequence[str]) -> str:
    """Builds and runs; one sentence of figures."""
    told: list[str] = []
    began = time.monotonic()
    found.build(base, options)
    told.append(f"built in {time.monotonic() - began:.0f} s ({found.mib():.0f} MiB, by {found.name})")
    with tempfile.TemporaryDirectory(prefix="sancho-image-", ignore_cleanup_errors=True) as name:
        try:
            told += _runs(found, Path(name))
        finally:
            found.close()
    return "; ".join(told)


def _runs(found: Engine, folder: Path) -> Iterator[str]:
    folder.chmod(0o755)

    def place(name: str) -> Path:
        made = folder / name
        made.mkdir(mode=0o777, exist_ok=True)
        made.chmod(0o777)  # whatever the mask says: the image's user is nobody here
        return made

    data = place("data")
    helped = _ends(found, Run(("sancho", "--help"), place("home"), data))
    if "import" not in helped:
        raise CheckError(f"sancho --help says:\n{helped}")
    user, *writable = _ends(found, Run(("python", "-c", _WRITES), place("home"), data)).split()
    if user != str(UID) or set(writable) != {"/tmp", _HOME}:
        raise CheckError(f"user {user} may write to {', '.join(writable)}")
    yield f"as user {user}, who may write to {' and '.join(writable)}"
    port = free_port()
    server = (
        "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1",
        "--allowed-hosts=localhost:*,127.0.0.1:*", f"--backend-store-uri=sqlite:///{_HOME}/mlflow.db",
        f"--artifacts-destination={_HOME}/mlartifacts",
    )  # fmt: skip
    lean = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    shared = {
        "SANCHO_DATABASE_URL": f"sqlite:///{_DATA}/sancho.db",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
    }
    with _served(found, Run(server, place("mlflow"), data, lean), folder / "mlflow.txt", port, "/health"):
        began = time.monotonic()
        for line in (
            ("sancho", "world", f"{_DATA}/sample", "--deals", str(DEALS)),
            ("sancho", "import", f"{_DATA}/sample"),
            ("sancho", "train"),
        ):
            _ends(found, Run(line, place("training"), data, shared))
        yield f"a small organisation made, imported and trained in {time.monotonic() - began:.0f} s"
        cold, used, mib = _ready(found, place("service"), data, shared, folder / "cold.txt")
        warm, used_warm, _ = _ready(found, place("service"), data, shared, folder / "warm.txt")
    yield f"ready in {cold:.1f} s with an empty home, in {warm:.1f} s with its own"
    if used is not None and used_warm is not None and mib is not None:
        yield f"{used:.1f} and {used_warm:.1f} s of a processor; {mib:.0f} MiB then"
    kernels = [file for file in place("service").rglob("*.nbc") if file.is_file()]
    yield f"{len(kernels)} kernels compiled that the image did not bring"
    if cold > READY_SECONDS:
        raise CheckError(
            f"ready only after {cold:.0f} s with an empty home; at most {READY_SECONDS:.0f} s are good"
        )


def _ready(
    found: Engine, home: Path, data: Path, variables: Mapping[str, str], printed: Path
) -> tuple[float, float | None, float | None]:
    """Seconds until the service is ready; of a processor, and its memory, where the process is our own."""
    port = free_port()
    line = ("sancho", "serve", "--host", "127.0.0.1", "--port", str(port))
    began = time.monotonic()
    with _served(found, Run(line, home, data, variables), printed, port, "/readyz") as process:
        seconds = time.monotonic() - began
        if not isinstance(found, Chroot):
            return seconds, None, None
        return seconds, _processor_seconds(process.pid), resident_mib(process.pid)


def _processor_seconds(pid: int) -> float:
    """What a process has used so far: on a busy machine it says more than the time that passed."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _served(
    found: Engine, run: Run, printed: Path, port: int, path: str
) -> Iterator[subprocess.Popen[bytes]]:
    with started(found.line(run), printed.parent, printed.name, dict(os.environ)) as process:
        try:
            wait_until_ready(port, process, PATIENCE_SECONDS, path)
        except CheckError as fault:
            raise CheckError(f"{run.command[0]}: {fault}\n{printed.read_text('utf-8')[-4000:]}") from None
        yield process


def _ends(found: Engine, run: Run) -> str:
    done = subprocess.run(
        found.line(run), capture_output=True, encoding="utf-8", check=False, timeout=PATIENCE_SECONDS
    )
    if done.returncode != 0:
        raise CheckError(
            f"{' '.join(run.command[:2])} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
    return done.stdout


def _quiet(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, encoding="utf-8", check=False)


def _must(*line: str) -> str:
    done = _quiet(*line)
    if done.returncode != 0:
        raise CheckError(f"{' '.join(line[:2])} ended with {done.returncode}:\n{done.stderr.strip()[-4000:]}")
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; exit status 1 where a check fails, 2 where nothing can build here."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", help="the image to build on (the Dockerfile's PYTHON_IMAGE)")
    parser.add_argument("--option", action="append", default=[], help="of the build command, as it stands")
    given = parser.parse_args(arguments)
    try:
        print(check(engine(), given.base, given.option))
    except (CheckError, NoEngineError) as fault:
        print(fault, file=sys.stderr)
        return 2 if isinstance(fault, NoEngineError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
