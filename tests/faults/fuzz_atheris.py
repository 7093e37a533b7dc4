"""The readers of test_fuzz.py under a fuzzer that is steered by coverage, until it is stopped.

    python -m pip install atheris          (Linux; in no lock file, because it has no wheel for every Python that we support)
    python -m tests.faults.fuzz_atheris article tests/faults/corpus

The first argument names a reader of test_fuzz.READERS; the rest is the fuzzer's. What it finds becomes a seed in the corpus.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    atheris = importlib.import_module("atheris")
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["crawler", "pipelines"]):
        from tests.faults.test_fuzz import READERS
    atheris.Setup(sys.argv, READERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
