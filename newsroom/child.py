"""Runs one of the newsroom's engines in a process of its own, so that a benchmark's CPU time is not ours.

Frames of pickle over the child's standard input and output; the child ends when its input does, so it never outlives a
parent that was killed. Imports nothing of the newsroom until told what to run. tests/newsroom/test_newsroom.py tests
it.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from newsroom.child import main; main()"


class Remote:
    """An object in another process: `call` runs its methods. A context manager, as the object must be.

    Raises (from call): what the method raised; ConnectionError when the process has ended.
    """

    def __init__(self, target: str, **arguments: Any) -> None:
        self._target, self._arguments = target, arguments
        self._lock = Lock()

    def __enter__(self) -> Remote:
        root = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            self.call(self._target, **self._arguments)
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Return what the remote method returns."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            try:
                _write(stdin, (name, args, kwargs))
                ok, value = _read(stdout)
            except (OSError, EOFError) as e:
                raise ConnectionError(f"the newsroom's process has ended: {self._target}") from e
        if not ok:
            raise value
        return value

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # it ended with a frame of ours unread
                    stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _write(stream: BinaryIO | Any, value: Any) -> None:
    data = pickle.dumps(value)
    stream.write(struct.pack(">I", len(data)) + data)
    stream.flush()


def _read(stream: BinaryIO | Any) -> Any:
    head = stream.read(4)
    if len(head) < 4:
        raise EOFError
    return pickle.loads(stream.read(struct.unpack(">I", head)[0]))


def main() -> None:
    """Serve one object: the first frame names it (`module:class`), every later one a method."""
    source, out = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not break the frames
    try:
        target, _, arguments = _read(source)
        module, _, name = target.partition(":")
        with getattr(import_module(module), name)(**arguments) as served:
            _write(out, (True, None))
            while True:
                method, args, kwargs = _read(source)
                try:
                    answer = (True, getattr(served, method)(*args, **kwargs))
                except Exception as e:  # noqa: BLE001 - every error belongs to the caller on the other side
                    answer = (False, e)
                _write(out, answer)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
