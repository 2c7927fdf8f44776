"""From canonical CSV to REST answers: one small organisation, imported, learned from and asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import read_settings
from service.use_cases import UseCases
from tests.support.story import Service
from tests.support.trained_home import lay_trained_home


@pytest.fixture(scope="package")
def service(of_all_workers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        lay_trained_home(of_all_workers, folder)
        patch.chdir(folder)
        patch.setenv("SANCHO_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        found = read_settings()
        answers = UseCases.open(found)
        answers.serving.refresh(warm=True)
        app = create_app(found, answers, warm=False)
        key = app.state.keys.create("story")
        client = TestClient(app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {key}"
        yield Service(client, answers, found, key, folder)
        answers.close()
