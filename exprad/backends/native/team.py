"""Threads that wait in machine code for points to compute, so that sharing a call takes no Python.

The caller takes pieces of the points as they do, and waits at last for those who still compute: nobody waits for a thread
that was not awake in time. Threads look for work for a moment after each call, giving way to others, and then sleep.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import signal
import threading
from functools import cache
from typing import Any

from exprad.backends.native import engine, linking
from exprad.backends.native.calls import Team, function
from exprad.backends.native.llvm import defined, filled
from exprad.backends.numpy import workers
from exprad.ground.forks import at_fork

WORTH = 40_000  # nanoseconds of work that are shared
PIECE = 3_000  # nanoseconds of work that a thread takes at once
LEAST_COST = 0.2  # nanoseconds that a point takes, whatever is computed
LOOKS = 100  # that a thread takes before it sleeps, each about a microsecond
REST = 24  # pauses of the processor between two looks
LINE = 64  # bytes of a line of the cache
_FUNCTIONS = (
    "pthread_mutex_init", "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_init", "pthread_cond_wait",
    "pthread_cond_broadcast", "pthread_create", "pthread_join", "sched_yield",
)  # fmt: skip
_PAUSES = {"x86_64": ("llvm.x86.sse2.pause", "", ""), "aarch64": ("llvm.aarch64.hint", "i32", "i32 1")}
_PAUSES["arm64"] = _PAUSES["aarch64"]
# Take pieces until none are left.
_TAKE = function(
    "internal void @take(ptr %team)",
    """\
entry:
%kernel = get ptr %team Team.kernel
%slots = get ptr %team Team.slots
%count = get i64 %team Team.count
%piece = get i64 %team Team.piece
%next = at %team Team.next
br label %head
head:
%start = atomicrmw add ptr %next, i64 %piece monotonic
%more = icmp slt i64 %start, %count
br i1 %more, label %one, label %done
one:
%beyond = add i64 %start, %piece
%is_whole = icmp slt i64 %beyond, %count
%stop = select i1 %is_whole, i64 %beyond, i64 %count
call void %kernel(ptr %slots, i64 %start, i64 %stop)
br label %head
done:
ret void
""",
)
_REST = """\
entry:
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %head ]
%next = add i64 %k, 1
{pause}
%more = icmp slt i64 %next, {rest}
br i1 %more, label %head, label %done
done:
%given = call i32 @exprad_sched_yield()
ret void"""
# Who wants to work says so before it looks whether the points are still open; the caller closes them before it looks whether
# anybody works: so one of them sees the other.
_WORK = function(
    "ptr @work(ptr %team)",
    f"""\
entry:
%turn = at %team Team.turn
%open = at %team Team.open
%active = at %team Team.active
%asleep = at %team Team.asleep
%over = at %team Team.over
%lock = at %team Team.lock
%bell = at %team Team.bell
br label %wait
wait:
%seen = phi i64 [ 0, %entry ], [ %now, %worked ], [ %seen, %woken ]
br label %look
look:
%looks = phi i64 [ 0, %wait ], [ %looked, %rest ]
%now = load atomic i64, ptr %turn seq_cst, align 8
%is_new = icmp ne i64 %now, %seen
br i1 %is_new, label %offer, label %none
none:
%end = load atomic i64, ptr %over seq_cst, align 8
%is_over = icmp ne i64 %end, 0
br i1 %is_over, label %done, label %patient
patient:
%looked = add i64 %looks, 1
%is_patient = icmp slt i64 %looked, {LOOKS}
br i1 %is_patient, label %rest, label %sleep
rest:
call void @rest()
br label %look
sleep:
call i32 @exprad_pthread_mutex_lock(ptr %lock)
atomicrmw add ptr %asleep, i64 1 seq_cst
br label %listen
listen:
%then = load atomic i64, ptr %turn seq_cst, align 8
%stop = load atomic i64, ptr %over seq_cst, align 8
%is_same = icmp eq i64 %then, %seen
%goes_on = icmp eq i64 %stop, 0
%is_quiet = and i1 %is_same, %goes_on
br i1 %is_quiet, label %doze, label %woken
doze:
call i32 @exprad_pthread_cond_wait(ptr %bell, ptr %lock)
br label %listen
woken:
atomicrmw sub ptr %asleep, i64 1 seq_cst
call i32 @exprad_pthread_mutex_unlock(ptr %lock)
br label %wait
offer:
atomicrmw add ptr %active, i64 1 seq_cst
%are_open = load atomic i64, ptr %open seq_cst, align 8
%has_work = icmp ne i64 %are_open, 0
br i1 %has_work, label %take, label %worked
take:
call void @take(ptr %team)
br label %worked
worked:
atomicrmw sub ptr %active, i64 1 seq_cst
br label %wait
done:
ret ptr null
""",
)
# Whether the threads were free to help; if not, nothing was done. Of many points each takes more at once, for memory's sake.
_SHARE = function(
    "i8 @share(ptr %team, ptr %kernel, ptr %slots, i64 %count, i64 %piece)",
    """\
entry:
%ready = at %team Team.ready
%are_ready = load atomic i64, ptr %ready seq_cst, align 8
%have_threads = icmp ne i64 %are_ready, 0
br i1 %have_threads, label %ask, label %no
ask:
%busy = at %team Team.busy
%asked = cmpxchg ptr %busy, i64 0, i64 1 seq_cst seq_cst
%is_free = extractvalue [i64, i1] %asked, 1
br i1 %is_free, label %share, label %no
share:
put ptr %kernel %team Team.kernel
put ptr %slots %team Team.slots
put i64 %count %team Team.count
%part = lshr i64 %count, 7
%lines = and i64 %part, -64
%is_much = icmp ugt i64 %lines, %piece
%taken = select i1 %is_much, i64 %lines, i64 %piece
put i64 %taken %team Team.piece
put i64 0 %team Team.next
%open = at %team Team.open
%turn = at %team Team.turn
store atomic i64 1, ptr %open seq_cst, align 8
atomicrmw add ptr %turn, i64 1 seq_cst
%asleep = at %team Team.asleep
%sleepers = load atomic i64, ptr %asleep seq_cst, align 8
%any = icmp ne i64 %sleepers, 0
br i1 %any, label %wake, label %help
wake:
call void @wake(ptr %team)
br label %help
help:
call void @take(ptr %team)
store atomic i64 0, ptr %open seq_cst, align 8
%active = at %team Team.active
br label %wait
wait:
%looks = phi i64 [ 0, %help ], [ %looked, %again ], [ %looked, %rest ]
%looked = add i64 %looks, 1
%at_work = load atomic i64, ptr %active seq_cst, align 8
%is_done = icmp eq i64 %at_work, 0
br i1 %is_done, label %done, label %again_or_rest
again_or_rest:
%is_soon = icmp slt i64 %looked, 1000
br i1 %is_soon, label %again, label %rest
again:
br label %wait
rest:
call void @rest()
br label %wait
done:
store atomic i64 0, ptr %busy seq_cst, align 8
ret i8 1
no:
ret i8 0
""",
).replace("[i64, i1]", "{i64, i1}")
_WAKE = function(
    "void @wake(ptr %team)",
    """\
%lock = at %team Team.lock
%bell = at %team Team.bell
call i32 @exprad_pthread_mutex_lock(ptr %lock)
call i32 @exprad_pthread_cond_broadcast(ptr %bell)
call i32 @exprad_pthread_mutex_unlock(ptr %lock)
ret void
""",
)
_DECLARED = """\
declare i32 @exprad_pthread_mutex_lock(ptr)
declare i32 @exprad_pthread_mutex_unlock(ptr)
declare i32 @exprad_pthread_cond_wait(ptr, ptr)
declare i32 @exprad_pthread_cond_broadcast(ptr)
declare i32 @exprad_sched_yield()"""


def _text() -> str:
    """The module of `work`, which a thread runs, `share`, which a caller calls, and `wake`."""
    name, kinds, given = _PAUSES.get(platform.machine(), ("", "", ""))
    declared = f"\ndeclare void @{name}({kinds})" if name else ""
    pause = f"call void @{name}({given})" if name else ""
    rest = defined("internal void @rest()", filled(_REST, pause=pause, rest=REST))
    return "\n\n".join([_DECLARED + declared, rest, _TAKE, _WAKE, _WORK, _SHARE])


class Threads:
    """The threads of this process that wait for points: none before a call is worth them, nor where the system has no others.

    `address` is where machine code finds their `Team`.
    """

    def __init__(self) -> None:
        self._room = ctypes.create_string_buffer(ctypes.sizeof(Team) + LINE)
        self.team = Team.from_buffer(self._room, -ctypes.addressof(self._room) % LINE)
        self.address = ctypes.addressof(self.team)
        self._started: list[ctypes.c_void_p] = []
        self.renew()
        at_fork(child=self.renew)
        atexit.register(self.end)

    def renew(self) -> None:
        """Begin anew: a child has none of its parent's threads."""
        ctypes.memset(self.address, 0, ctypes.sizeof(Team))
        self._lock = threading.Lock()
        self._started.clear()

    def share(self, kernel: int, slots: Any, count: int, piece: int) -> bool:
        """Have a kernel compute so many points, with all threads; or do nothing where they are busy, or not to be had."""
        self.start()
        return bool(self.team.ready and _code().share(self.address, kernel, slots, count, piece))

    def start(self) -> None:
        """Start the threads, unless there are some. No signal interrupts them: Python's handlers are for its own threads."""
        with self._lock:
            if self.team.ready or self.team.over:
                return
            for name, field in (("mutex", Team.lock), ("cond", Team.bell)):
                getattr(_system(), f"pthread_{name}_init")(ctypes.c_void_p(self.address + field.offset), None)
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                self._started += filter(None, [self._one() for _ in range(workers() - 1)])
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            self.team.ready = bool(self._started)

    def _one(self) -> ctypes.c_void_p | None:
        thread = ctypes.c_void_p()
        failed = _system().pthread_create(ctypes.byref(thread), None, _code().work, ctypes.c_void_p(self.address))
        return None if failed else thread

    def end(self) -> None:
        """Let all threads end, and wait for them; later calls compute alone."""
        with self._lock:
            self.team.ready, self.team.over = 0, 1
            if self._started:
                _code().wake(self.address)
            while self._started:
                _system().pthread_join(self._started.pop(), None)


class _Code:
    """The machine code of threads, and of callers: `address` is that of what these call."""

    def __init__(self) -> None:
        linking.name_functions({f"exprad_{name}": getattr(_system(), name) for name in _FUNCTIONS})
        module = linking.new_module(1, "double", False)
        self.engine, address = linking.linked(module, _text(), "share")
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        self.address = address
        self.share = ctypes.CFUNCTYPE(ctypes.c_int8, pointer, pointer, pointer, whole, whole)(address)
        self.wake = ctypes.CFUNCTYPE(None, pointer)(self.engine.get_function_address("wake"))
        self.work = ctypes.c_void_p(self.engine.get_function_address("work"))


@cache
def _code() -> _Code:
    with engine.compiling():
        return _Code()


@cache
def _system() -> Any:
    return ctypes.CDLL(None)


@cache
def threads() -> Threads | None:
    """The threads that may help; None where there are no others, or no POSIX threads."""
    has_threads = os.name == "posix" and all(hasattr(_system(), name) for name in _FUNCTIONS)
    return Threads() if has_threads and workers() > 1 else None


def addresses() -> dict[str, int]:
    """What machine code needs to share points, by name; nothing where there are no threads."""
    found = threads()
    return {} if found is None else {"team": found.address, "share": _code().address}


def piece(cost: float) -> int:
    """How many points a thread takes at once, where a point takes so many nanoseconds: whole lines of the cache."""
    return max(1, round(PIECE / max(cost, LEAST_COST) / LINE)) * LINE
