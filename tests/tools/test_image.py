"""Is an image tried as it is meant to run: read-only, by its own user, from an empty home?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import image
from tools.image import Chroot, Engine, Run
from tools.installation import CheckError

STAND_IN = """#!{python}
import http.server, pathlib, re, sys
line = " ".join(sys.argv[1:])
with open({calls!r}, "a") as calls:
    calls.write(line.replace("\\n", " ") + "\\n")
port = re.search(r"--port[= ](\\d+)", line)
if line.startswith("info") and not {answers}:
    sys.exit(1)
elif line.startswith("image inspect"):
    print(1048576 * 700)
elif "--help" in line:
    print("import  train  serve")
elif "tempfile" in line:
    print({user!r}, *{writable!r}, sep="\\n")
elif port:
    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
        def log_message(self, *_):
            pass
    if " serve " in line:
        home = re.search(r"--volume=(\\S+):/var/lib/sancho", line)[1]
        pathlib.Path(home, "compiled.nbc").touch()
    http.server.HTTPServer(("127.0.0.1", int(port[1])), Ready).serve_forever()
"""


def stand_in(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    answers: bool = True,
    user: str = "10001",
    writable: tuple[str, ...] = ("/tmp", "/var/lib/sancho"),
) -> Path:
    """A program in Docker's place that writes its calls down and answers as a good image would."""
    script, calls = folder / "docker", folder / "calls"
    script.write_text(
        STAND_IN.format(
            python=sys.executable, calls=str(calls), answers=answers, user=user, writable=writable
        ),
        "utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return calls


def test_an_image_is_built_on_the_base_and_run_read_only_with_the_lean_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = stand_in(tmp_path, monkeypatch)
    told = image.check(image.engine(), "localhost/base", ["--volume=/a:/b"])
    assert "700 MiB, by docker" in told
    assert "as user 10001, who may write to /tmp and /var/lib/sancho" in told
    assert "1 kernels compiled that the image did not bring" in told
    lines = calls.read_text("utf-8").splitlines()
    (built,) = (line for line in lines if line.startswith("build"))
    assert "--volume=/a:/b --build-arg PYTHON_IMAGE=localhost/base" in built
    runs = [line for line in lines if line.startswith("run")]
    assert all("--read-only" in line and "--cap-drop=ALL" in line for line in runs)
    order = [
        word
        for line in runs
        for word in ("world", "import", "train", "serve")
        if f"{image.TAG} {word} " in f"{line} "
    ]
    assert order == ["world", "import", "train", "serve", "serve"]
    (server,) = (line for line in runs if "mlflow server" in line.replace(f" {image.TAG}", ""))
    assert "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false" in server


def test_compose_runs_the_server_that_is_tried():
    compose = (image.ROOT / "compose.yaml").read_text("utf-8")
    for part in (
        "--workers=1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
        "localhost:*,127.0.0.1:*",
        "read_only: true",
    ):
        assert part in compose


@pytest.mark.parametrize(
    ("user", "writable"),
    [("0", ("/tmp", "/var/lib/sancho")), ("10001", ("/tmp", "/opt/sancho", "/var/lib/sancho"))],
)
def test_an_image_that_may_write_elsewhere_or_runs_as_somebody_else_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, writable: tuple[str, ...]
):
    stand_in(tmp_path, monkeypatch, user=user, writable=writable)
    with pytest.raises(CheckError, match=f"user {user} may write to"):
        image.check(image.engine(), None, [])


def test_an_image_that_is_late_from_an_empty_home_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stand_in(tmp_path, monkeypatch)
    monkeypatch.setattr(image, "READY_SECONDS", 0.0)
    with pytest.raises(CheckError, match="with an empty home"):
        image.check(image.engine(), None, [])


def test_a_daemon_that_does_not_answer_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stand_in(tmp_path, monkeypatch, answers=False)
    with pytest.raises(image.NoEngineError):
        image.engine()


def test_a_chroot_makes_all_read_only_but_what_is_mounted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image, "_must", lambda *_: "PATH=/opt/sancho/bin\nSANCHO_HOME=/var/lib/sancho\n")
    found = Chroot()
    found._root = "/root of it"
    run = Run(("sancho", "--help"), Path("/home-volume"), Path("/data-volume"), {"SANCHO_HOME": "/elsewhere"})
    *_, script, _, first, second, command, last = found.line(run)
    assert (first, second, command, last) == (
        "PATH=/opt/sancho/bin",
        "SANCHO_HOME=/elsewhere",
        "sancho",
        "--help",
    )
    steps = script.splitlines()
    sealed = steps.index("mount -o remount,bind,ro '/root of it'")
    assert all("mount --bind" not in step for step in steps[3:sealed])
    assert "mount --bind '/home-volume' '/root of it/var/lib/sancho'" in steps[sealed:]
    assert "--no-new-privs" in script
    assert isinstance(found, Engine)
