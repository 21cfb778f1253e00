"""LLVM on this machine: text is compiled, kept on the disk and loaded; no process is forked meanwhile."""

from __future__ import annotations

import hashlib
import platform
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from exprad.backends.native.cache import keep, kept
from exprad.errors import extra
from exprad.ground.forks import at_fork

_lock = threading.RLock()


def compiling() -> Any:
    """The lock that is held while code is made."""
    return _lock


def _locks_of_llvm() -> list[Any]:
    """What holds llvmlite's own lock, where it is loaded: another thread, such as numba's, may be inside."""
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    holder = getattr(library, "_lock", None)
    return [holder] if hasattr(holder, "_lock") else []


_awaited: list[Any] = []  # locks, during a fork


def _wait_for_compilers() -> None:
    """A child that was forked while another thread is inside LLVM would find its tables half-written."""
    for lock in (_lock, *[holder._lock for holder in _locks_of_llvm()]):
        lock.acquire()
        _awaited.append(lock)


def _let_compilers_go() -> None:
    while _awaited:
        _awaited.pop().release()


def _renew_locks() -> None:
    global _lock
    _awaited.clear()
    for holder in _locks_of_llvm():
        holder._lock = threading.RLock()
    _lock = threading.RLock()


at_fork(before=_wait_for_compilers, parent=_let_compilers_go, child=_renew_locks)


@cache
def is_installed() -> bool:
    return find_spec("llvmlite") is not None


@cache
def binding() -> Any:
    """LLVM, ready for this machine."""
    with _lock:  # no process is forked while it is half imported
        try:
            import llvmlite.binding as llvm
        except ImportError:
            raise extra("llvmlite", "native", "backend 'native'") from None
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        return llvm


@cache
def _machine() -> tuple[str, str, dict[str, bool]]:
    """The processor's name, and what it has: as LLVM is told it, and by name."""
    llvm = binding()
    features = llvm.get_host_cpu_features()
    return llvm.get_host_cpu_name(), features.flatten(), dict(features)


def width() -> int:
    """Doubles in a vector register."""
    features = _machine()[2]
    return 8 if features.get("avx512f") else 4 if features.get("avx") else 2


def has_fma() -> bool:
    """Whether the processor multiplies and adds in one step."""
    return _machine()[2].get("fma", platform.machine() in ("arm64", "aarch64"))


def loaded(text: str, level: int) -> Any:
    """An engine that holds a module's code, from the disk where it is there. It must live as long as its code.

    `level` is how hard LLVM tries: 0 to 2.
    """
    return loaded_as(text, lambda: text, level)


def loaded_as(name: str, made: Callable[[], str], level: int, is_optimised: bool = False) -> Any:
    """The same for a module that a name stands for: its text is made where its code is not on the disk.

    With `is_optimised`, LLVM's passes on the text run first, where llvmlite has them.
    """
    llvm = binding()
    cpu, features, _ = _machine()
    version = ".".join(map(str, llvm.llvm_version_info))
    key = hashlib.sha256("\0".join([name, cpu, features, version, str(level), str(is_optimised)]).encode()).hexdigest()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=level, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    code = kept(key)
    if code is None:
        module = llvm.parse_assembly(made())
        module.verify()
        if is_optimised and hasattr(llvm, "create_pass_builder"):
            options = llvm.create_pipeline_tuning_options(speed_level=level)
            builder = llvm.create_pass_builder(target, options)
            builder.getModulePassManager().run(module, builder)
        code = target.emit_object(module)
        keep(key, code)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine
