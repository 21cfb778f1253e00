"""The built-in function that all programs share, as LLVM's text: it reads what it is given, has it computed, and makes results.

It is `PyObject *call(self, args, count, names)`, where `self` is an object of ctypes, or of a class of ours, that has the address
of a `Table`; the highest bit of the count is of no concern. What it has no code
for goes to `Table.general` before anything was done: so results and errors are those of the function in Python.
"""

from __future__ import annotations

from ctypes import sizeof

from exprad.backends.native import reading, writing
from exprad.backends.native.calls import MOST, SINGLES, Call, function

_DECLARED = """\
@exprad_object_float = external global i8
@exprad_object_int = external global i8
@exprad_object_list = external global i8
@exprad_object_tuple = external global i8
@exprad_object_none = external global i8
@exprad_object_out = external global i8
@exprad_object_array = external global i8
@exprad_object_double = external global i8
@exprad_object_single = external global i8
@exprad_object_doubles = external global i8
@exprad_object_singles = external global i8
declare ptr @exprad_PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @exprad_PyFloat_FromDouble(double)
declare ptr @exprad_PyBool_FromLong(i64)
declare double @exprad_PyLong_AsDouble(ptr)
declare ptr @exprad_PyErr_Occurred()
declare void @exprad_PyErr_Clear()
declare ptr @exprad_PyList_New(i64)
declare ptr @exprad_PyTuple_New(i64)
declare void @exprad_Py_IncRef(ptr)
declare void @exprad_Py_DecRef(ptr)
declare ptr @exprad_PyEval_SaveThread()
declare void @exprad_PyEval_RestoreThread(ptr)
declare ptr @exprad_np_new(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @exprad_np_returned(ptr)
declare double @llvm.fabs.f64(double)"""


def _entry(other: str) -> str:
    """Floats by place are computed with at once; all else goes to the function of that name."""
    return function(
        "ptr @call(ptr %self, ptr %args, i64 %given, ptr %names)",
        f"""\
entry:
%in = alloca [{MOST} x double]
%out = alloca [{MOST} x double]
%count = and i64 %given, {(1 << 63) - 1}
%table = get ptr %self OWN
%point = get ptr %table Table.point
%inputs = get i64 %table Table.inputs
%is_made = icmp ne ptr %point, null
%is_plain = icmp eq ptr %names, null
%fits = icmp eq i64 %count, %inputs
%by_place = and i1 %is_plain, %fits
%may = and i1 %by_place, %is_made
br i1 %may, label %head, label %other
head:
%k = phi i64 [ 0, %entry ], [ %next, %taken ]
%more = icmp slt i64 %k, %inputs
br i1 %more, label %one, label %compute
one:
%place = getelementptr ptr, ptr %args, i64 %k
%object = load ptr, ptr %place
%type = get ptr %object TYPE
%is_float = icmp eq ptr %type, @exprad_object_float
br i1 %is_float, label %taken, label %other
taken:
%value = get double %object VALUE
%at = getelementptr double, ptr %in, i64 %k
store double %value, ptr %at
%next = add i64 %k, 1
br label %head
compute:
call void %point(ptr %in, ptr %out)
%numbers = call ptr @numbers(ptr %table, ptr %out)
ret ptr %numbers
other:
%found = call ptr @{other}(ptr %table, ptr %args, i64 %count, ptr %names)
ret ptr %found
""",
    )


_GENERAL = function(
    "internal ptr @general(ptr %table, ptr %args, i64 %count, ptr %names)",
    """\
%function = get ptr %table Table.general
%found = call ptr @exprad_PyObject_Vectorcall(ptr %function, ptr %args, i64 %count, ptr %names)
ret ptr %found
""",
)
# Arrays and numbers by place, and `out=`.
_ARRAYS = function(
    "internal ptr @arrays(ptr %table, ptr %args, i64 %count, ptr %names)",
    f"""\
entry:
%call = alloca [{sizeof(Call)} x i8], align 16
%inputs = get i64 %table Table.inputs
%fits = icmp eq i64 %count, %inputs
br i1 %fits, label %counted, label %general
counted:
%is_plain = icmp eq ptr %names, null
br i1 %is_plain, label %read, label %named
named:
%options = get i64 %names COUNT
%option = get ptr %names ITEMS
%is_single_option = icmp eq i64 %options, 1
%is_out = icmp eq ptr %option, @exprad_object_out
%has_out = and i1 %is_single_option, %is_out
br i1 %has_out, label %given, label %general
given:
%place = getelementptr ptr, ptr %args, i64 %inputs
%object = load ptr, ptr %place
%is_none = icmp eq ptr %object, @exprad_object_none
%wanted = select i1 %is_none, ptr null, ptr %object
br label %read
read:
%out = phi ptr [ null, %counted ], [ %wanted, %given ]
%is_new = icmp eq ptr %out, null
%taken = call i1 @take(ptr %table, ptr %call, ptr %args)
br i1 %taken, label %typed, label %general
typed:
%kinds = get i64 %call Call.kinds
%are_numbers = icmp eq i64 %kinds, 0
%is_point = and i1 %are_numbers, %is_new
br i1 %is_point, label %point, label %chosen
chosen:
%is_single = icmp eq i64 %kinds, {SINGLES}
%double = get ptr %table Table.double
%float = get ptr %table Table.float
%kernel = select i1 %is_single, ptr %float, ptr %double
%is_made = icmp ne ptr %kernel, null
%size = get i64 %call Call.size
%least = get i64 %table Table.least
%is_enough = icmp sge i64 %size, %least
%truths = get i64 %table Table.any_truth
%are_reals = icmp eq i64 %truths, 0
%has_code = and i1 %is_made, %are_reals
%may = and i1 %has_code, %is_enough
%is_alone = call i1 @lacks_threads(ptr %table, i64 %size)
%goes_on = xor i1 %is_alone, true
%is_ready = and i1 %may, %goes_on
br i1 %is_ready, label %written, label %general
written:
br i1 %is_new, label %new, label %into
into:
%received = call i1 @receive(ptr %table, ptr %call, ptr %out)
br i1 %received, label %write, label %general
write:
call void @compute(ptr %table, ptr %call, ptr %kernel)
call void @exprad_Py_IncRef(ptr %out)
ret ptr %out
new:
%allocated = call i1 @allocate(ptr %table, ptr %call)
br i1 %allocated, label %fill, label %fail
fill:
call void @compute(ptr %table, ptr %call, ptr %kernel)
%result = call ptr @returned(ptr %table, ptr %call)
ret ptr %result
point:
%code = get ptr %table Table.point
%has_point = icmp ne ptr %code, null
br i1 %has_point, label %number, label %general
number:
%in = at %call Call.numbers
%values = at %call Call.slots
call void %code(ptr %in, ptr %values)
%numbers = call ptr @numbers(ptr %table, ptr %values)
ret ptr %numbers
fail:
ret ptr null
general:
%found = call ptr @general(ptr %table, ptr %args, i64 %count, ptr %names)
ret ptr %found
""",
)
# The arrays are held meanwhile: another thread might drop one that a list given as `out=` held.
_COMPUTE = function(
    "internal void @compute(ptr %table, ptr %call, ptr %kernel)",
    """\
%size = get i64 %call Call.size
%released = get i64 %table Table.released
%slots = at %call Call.slots
%is_small = icmp slt i64 %size, %released
br i1 %is_small, label %small, label %large
small:
call void %kernel(ptr %slots, i64 0, i64 %size)
ret void
large:
%results = at %call Call.results
%outputs = get i64 %table Table.outputs
call void @each(ptr %results, i64 %outputs, ptr @exprad_Py_IncRef)
%thread = call ptr @exprad_PyEval_SaveThread()
%is_shared = call i1 @shared(ptr %table, ptr %kernel, ptr %slots, i64 %size)
br i1 %is_shared, label %computed, label %alone
alone:
call void %kernel(ptr %slots, i64 0, i64 %size)
br label %computed
computed:
call void @exprad_PyEval_RestoreThread(ptr %thread)
call void @each(ptr %results, i64 %outputs, ptr @exprad_Py_DecRef)
ret void
""",
)
# Whether threads were wanted and have computed; and whether they are wanted and have yet to be started, by Python.
_SHARED = function(
    "internal i1 @shared(ptr %table, ptr %kernel, ptr %slots, i64 %size)",
    """\
%shared = get i64 %table Table.shared
%piece = get i64 %table Table.piece
%is_much = icmp sge i64 %size, %shared
br i1 %is_much, label %much, label %little
much:
%found = call i8 @exprad_share(ptr @exprad_team, ptr %kernel, ptr %slots, i64 %size, i64 %piece)
%is_done = icmp ne i8 %found, 0
ret i1 %is_done
little:
ret i1 false
""",
)
_LACKS_THREADS = function(
    "internal i1 @lacks_threads(ptr %table, i64 %size)",
    """\
%team = getelementptr i8, ptr @exprad_team, i64 0
%shared = get i64 %table Table.shared
%ready = get i64 %team Team.ready
%is_much = icmp sge i64 %size, %shared
%are_none = icmp eq i64 %ready, 0
%lacks = and i1 %is_much, %are_none
ret i1 %lacks
""",
)
_ALONE = """\
define internal i1 @shared(ptr %table, ptr %kernel, ptr %slots, i64 %size) {
  ret i1 false
}

define internal i1 @lacks_threads(ptr %table, i64 %size) {
  ret i1 false
}"""
_TEAM = """\
@exprad_team = external global i8
declare i8 @exprad_share(ptr, ptr, ptr, i64, i64)"""


def text(takes_arrays: bool, has_threads: bool) -> str:
    """The module; where arrays cannot be read, it takes numbers alone."""
    if not takes_arrays:
        return _joined(_entry("general"), writing.NUMBERS, writing.CONTAINED, writing.EACH)
    shared = (_TEAM, _SHARED, _LACKS_THREADS) if has_threads else (_ALONE,)
    return _joined(*shared, _entry("arrays"), _ARRAYS, _COMPUTE, *reading.FUNCTIONS, *writing.FUNCTIONS)


def _joined(*parts: str) -> str:
    return "\n\n".join([_DECLARED, *parts, _GENERAL])
