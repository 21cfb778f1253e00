"""Object code on the disk, so that a program is compiled once: a folder of the user's own, of bounded size.

What lies there is run. So it is read only from a folder that is the user's own and that nobody else may write to, and
only from files of which the same is true; they are opened by way of the open folder, so that nobody can put another in its
place in between.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

USUAL_LIMIT = 128  # mebibytes, where EXPRAD_CACHE_LIMIT says nothing
FULL = 0.75  # of the bound that is left when the oldest have gone
# Of so many files written, one looks for the size of them all; so does what was written since, if it is that part of the bound.
SELDOM = 64
FILE_UNIT = 4096  # bytes, of which a file takes a multiple
ABANDONED = 3600  # seconds after which a file that was never finished is nobody's
OTHERS = stat.S_IWGRP | stat.S_IWOTH
IS_POSIX = hasattr(os, "geteuid") and os.open in os.supports_dir_fd
_NOT_FOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NAME = re.compile(r"[0-9a-f]{64}\.(o|[0-9a-f]{16}\.tmp)")
_warned: set[str] = set()
_written = 0  # bytes, since this process looked for the size of them all


def cache_folder() -> Path | None:
    """Where object code is kept: EXPRAD_CACHE, or a folder among the user's caches; None where there is no home."""
    given = os.environ.get("EXPRAD_CACHE")
    if given:
        return Path(given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exprad"
    except RuntimeError:
        return None


def limit() -> int:
    """The bytes that the folder may take: EXPRAD_CACHE_LIMIT in mebibytes, or `USUAL_LIMIT`."""
    given = os.environ.get("EXPRAD_CACHE_LIMIT", "")
    try:
        return int(max(float(given or USUAL_LIMIT), 0) * 2**20)
    except (ValueError, OverflowError):
        _warn("limit", f"EXPRAD_CACHE_LIMIT is a number of mebibytes, got {given!r}; taking {USUAL_LIMIT}")
        return USUAL_LIMIT * 2**20


def kept(key: str) -> bytes | None:
    """The object code kept under a key; None where there is none, or it is not what was written."""
    with suppress(OSError), _opened(make=False) as folder:
        if folder is not None:
            with open(folder.open(f"{key}.o", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
                if not _is_refused(os.fstat(file.fileno()), folder.path, stat.S_ISREG, f"{key}.o: "):
                    return _checked(key, file.read())
    return None


def keep(key: str, code: bytes) -> None:
    """Write object code, whole or not at all. A cache that can't be written is no error."""
    most = limit()
    if len(code) + FILE_UNIT > most:
        return
    with suppress(OSError), _opened(make=True) as folder:
        if folder is not None:
            folder.write(f"{key}.o", _digest(key, code) + code)
            _bounded(folder, key, len(code), most)


def _checked(key: str, found: bytes) -> bytes | None:
    return found[32:] if _digest(key, found[32:]) == found[:32] else None


def _digest(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + code).digest()


class _Folder:
    """An open folder: by a file descriptor, where the system opens files relative to one."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path, self.descriptor = path, descriptor

    def at(self, name: str) -> Any:
        return name if self.descriptor is not None else self.path / name

    def open(self, name: str, flags: int) -> int:
        return os.open(self.at(name), flags | _NOT_FOLLOWED, 0o600, dir_fd=self.descriptor)

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside its place, and put it there when it is whole; nothing is left where that fails."""
        other = f"{name[:-2]}.{secrets.token_hex(8)}.tmp"
        try:
            with open(self.open(other, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                file.write(content)
            os.replace(self.at(other), self.at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except BaseException:
            self.remove(other)
            raise

    def remove(self, name: str) -> None:
        with suppress(OSError):  # another process was faster
            os.unlink(self.at(name), dir_fd=self.descriptor)

    def files(self) -> Iterator[tuple[float, int, str]]:
        """When each of our files was written, the bytes that it takes, and its name."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    with suppress(OSError):
                        found = entry.stat(follow_symlinks=False)
                        yield found.st_mtime, -(-found.st_size // FILE_UNIT) * FILE_UNIT, entry.name


@contextmanager
def _opened(make: bool) -> Iterator[_Folder | None]:
    """The folder, where there is one that may be trusted."""
    path = cache_folder()
    if path is None:
        yield None
        return
    path = path if os.path.isabs(path) else Path(os.path.abspath(path))
    if make:
        _made(path)
    if not IS_POSIX:
        yield _Folder(path, None)
        return
    if os.path.islink(path):
        _refused(path, "it is a symbolic link")
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NOT_FOLLOWED)
    try:
        is_refused = _is_refused(os.fstat(descriptor), path, stat.S_ISDIR) or _is_open_to_all(path)
        yield None if is_refused else _Folder(path, descriptor)
    finally:
        os.close(descriptor)


def _made(path: Path) -> None:
    """Make a folder, and those above it that are missing, for the user alone."""
    if os.path.isdir(path):
        return
    for each in (*reversed(path.parents), path):
        if not each.exists():
            with suppress(FileExistsError):  # another process was faster
                each.mkdir(mode=0o700)


def _is_refused(found: os.stat_result, path: Path, is_kind: Any, name: str = "") -> bool:
    """Whether a folder, or a file in it, is not the user's own, or may be written by others."""
    if not IS_POSIX:
        return False
    if not is_kind(found.st_mode):
        return _refused(path, f"{name}it is neither a folder nor a plain file")
    if found.st_uid != os.geteuid():
        return _refused(path, f"{name}it belongs to the user {found.st_uid}, not to {os.geteuid()}")
    if found.st_mode & OTHERS:
        return _refused(path, f"{name}others may write to it (mode {stat.S_IMODE(found.st_mode):o})")
    return False


@lru_cache(maxsize=64)
def _above(path: str) -> tuple[str, ...]:
    """The folders above, as text: pathlib takes as long for them as all else that is asked of the cache."""
    return tuple(map(str, Path(path).parents))


def _is_open_to_all(path: Path) -> bool:
    """Whether a folder above, as it is written or as it is meant, lets anybody replace what lies in it."""
    for each in {*_above(str(path)), *_above(os.path.realpath(path))}:
        mode = os.stat(each).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return _refused(path, f"anybody may replace what lies in {each} (mode {stat.S_IMODE(mode):o})")
    return False


def _refused(path: Path, reason: str) -> bool:
    said = f"machine code that is kept in {path} is not run: {reason}"
    _warn(str(path), f"{said}; set EXPRAD_CACHE to a folder of your own")
    return True


def _warn(about: str, text: str) -> None:
    """Say it once."""
    if about not in _warned:
        _warned.add(about)
        warnings.warn(text, RuntimeWarning, stacklevel=2)


def _bounded(folder: _Folder, key: str, size: int, most: int) -> None:
    """Now and then, remove the oldest files until all take less than the bound. Processes may do so at once."""
    global _written
    _written += size + FILE_UNIT
    if int(key[-8:], 16) % SELDOM and _written * SELDOM < most:
        return
    _written = 0
    files = sorted(folder.files())
    taken = sum(size for _, size, _ in files)
    is_full = taken > most
    for written, size, name in files:
        is_left = name.endswith(".tmp") and written < time.time() - ABANDONED
        if is_left or is_full and taken > most * FULL:
            folder.remove(name)
            taken -= size
