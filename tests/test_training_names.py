"""Does the training room give what its public list names, and load nothing before it is asked?"""

from __future__ import annotations

import subprocess
import sys

import training


def test_every_public_name_of_the_training_room_is_there():
    assert sorted(training._MODULES) == training.__all__
    for name in training.__all__:
        assert getattr(training, name).__name__ == name


def test_the_config_alone_loads_no_part_that_fits_models():
    code = "import sys, training.config as c; print({'training.fit', 'lightgbm'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
