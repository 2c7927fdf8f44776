"""Does the training room export every name of its public list, and import a module only when it is used?"""

from __future__ import annotations

import subprocess
import sys

import training


def test_training_exports_every_name_of_its_public_list():
    assert sorted(training._MODULES) == training.__all__
    for name in training.__all__:
        assert getattr(training, name).__name__ == name


def test_training_config_imports_no_module_that_fits_models():
    code = "import sys, training.config as c; print({'training.fit', 'lightgbm'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
