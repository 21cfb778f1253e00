"""How a call's arguments are read, as LLVM's text: numbers and arrays out of their objects, into what a kernel reads.

Each function says whether it found what it has code for; nothing has been changed where it did not.
"""

from __future__ import annotations

from exprad.backends.native.calls import DOUBLES, SINGLES, function
from exprad.backends.native.layout import ALIGNED, CONTIGUOUS

# All arguments. Numbers of Python's take the type of the arrays, if there are any.
TAKE = function(
    "internal i1 @take(ptr %table, ptr %call, ptr %args)",
    f"""\
entry:
%inputs = get i64 %table Table.inputs
put i64 0 %call Call.rank
put i64 1 %call Call.size
put i64 0 %call Call.kinds
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %one ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %inputs
br i1 %more, label %one, label %taken
one:
%place = getelementptr ptr, ptr %args, i64 %k
%object = load ptr, ptr %place
%fits = call i1 @take_one(ptr %call, ptr %object, i64 %k)
br i1 %fits, label %head, label %no
taken:
%kinds = get i64 %call Call.kinds
switch i64 %kinds, label %yes [ i64 {DOUBLES | SINGLES}, label %no i64 {SINGLES}, label %single ]
single:
%rounded = call i1 @round(ptr %call, i64 %inputs)
ret i1 %rounded
yes:
ret i1 true
no:
ret i1 false
""",
)
# One argument: of Python's numbers the value is kept, and its place is where it is kept.
TAKE_ONE = function(
    "internal i1 @take_one(ptr %call, ptr %object, i64 %k)",
    f"""\
%slots = at %call Call.slots
%first = shl i64 %k, 1
%slot = getelementptr i64, ptr %slots, i64 %first
%stride = getelementptr i64, ptr %slot, i64 1
%numbers = at %call Call.numbers
%number = getelementptr double, ptr %numbers, i64 %k
%own = at %object VALUE
store i64 0, ptr %stride
%type = get ptr %object TYPE
%is_array = icmp eq ptr %type, @exprad_object_array
br i1 %is_array, label %array, label %scalar
array:
%fits = call i1 @take_array(ptr %call, ptr %object, ptr %slot)
ret i1 %fits
scalar:
%is_float = icmp eq ptr %type, @exprad_object_float
br i1 %is_float, label %float, label %other
float:
%value = load double, ptr %own
br label %python
other:
%is_whole = icmp eq ptr %type, @exprad_object_int
br i1 %is_whole, label %whole, label %numpy
whole:
%as_double = call double @exprad_PyLong_AsDouble(ptr %object)
%may_fail = fcmp oeq double %as_double, -1.0
br i1 %may_fail, label %doubtful, label %python
doubtful:
%error = call ptr @exprad_PyErr_Occurred()
%is_well = icmp eq ptr %error, null
br i1 %is_well, label %python, label %beyond
beyond:
call void @exprad_PyErr_Clear()
ret i1 false
python:
%kept = phi double [ %value, %float ], [ %as_double, %whole ], [ %as_double, %doubtful ]
store double %kept, ptr %number
store ptr %number, ptr %slot
ret i1 true
numpy:
%is_double = icmp eq ptr %type, @exprad_object_double
%is_single = icmp eq ptr %type, @exprad_object_single
%is_number = or i1 %is_double, %is_single
br i1 %is_number, label %noted, label %unknown
noted:
%bit = select i1 %is_double, i64 {DOUBLES}, i64 {SINGLES}
%before = get i64 %call Call.kinds
%after = or i64 %before, %bit
put i64 %after %call Call.kinds
store ptr %own, ptr %slot
ret i1 true
unknown:
ret i1 false
""",
)
# An array of no axes, one of one axis, or one without gaps; all that have axes have the same.
TAKE_ARRAY = function(
    "internal i1 @take_array(ptr %call, ptr %array, ptr %slot)",
    f"""\
entry:
%type = get ptr %array Array.dtype
%is_double = icmp eq ptr %type, @exprad_object_doubles
%is_single = icmp eq ptr %type, @exprad_object_singles
%is_known = or i1 %is_double, %is_single
%flags = get i32 %array Array.flags
%aligned = and i32 %flags, {ALIGNED}
%is_aligned = icmp ne i32 %aligned, 0
%fits = and i1 %is_known, %is_aligned
br i1 %fits, label %known, label %no
known:
%bit = select i1 %is_double, i64 {DOUBLES}, i64 {SINGLES}
%before = get i64 %call Call.kinds
%after = or i64 %before, %bit
put i64 %after %call Call.kinds
%data = get ptr %array Array.data
store ptr %data, ptr %slot
%own_rank = get i32 %array Array.rank
%rank = sext i32 %own_rank to i64
%is_number = icmp eq i64 %rank, 0
br i1 %is_number, label %yes, label %axes
axes:
%known_rank = get i64 %call Call.rank
%is_first = icmp eq i64 %known_rank, 0
br i1 %is_first, label %first, label %later
first:
%shape = get ptr %array Array.shape
put ptr %shape %call Call.shape
put i64 %rank %call Call.rank
%size = call i64 @product(ptr %shape, i64 %rank)
put i64 %size %call Call.size
br label %strides
later:
%is_same = call i1 @has_shape(ptr %call, ptr %array)
br i1 %is_same, label %strides, label %no
strides:
%bytes = select i1 %is_double, i64 8, i64 4
%step = call i64 @step(ptr %array, i64 %bytes)
%is_regular = icmp ne i64 %step, {-(1 << 63)}
%place = getelementptr i64, ptr %slot, i64 1
store i64 %step, ptr %place
ret i1 %is_regular
yes:
ret i1 true
no:
ret i1 false
""",
)
# The bytes from one number to the next of an array that has axes; the least of all numbers where they differ.
STEP = function(
    "internal i64 @step(ptr %array, i64 %bytes)",
    f"""\
%flags = get i32 %array Array.flags
%contiguous = and i32 %flags, {CONTIGUOUS}
%is_contiguous = icmp ne i32 %contiguous, 0
br i1 %is_contiguous, label %full, label %gaps
full:
ret i64 %bytes
gaps:
%rank = get i32 %array Array.rank
%is_line = icmp eq i32 %rank, 1
br i1 %is_line, label %line, label %no
line:
%strides = get ptr %array Array.strides
%stride = load i64, ptr %strides
ret i64 %stride
no:
ret i64 {-(1 << 63)}
""",
)
PRODUCT = function(
    "internal i64 @product(ptr %shape, i64 %rank)",
    """\
entry:
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %axis ]
%size = phi i64 [ 1, %entry ], [ %product, %axis ]
%more = icmp slt i64 %k, %rank
br i1 %more, label %axis, label %done
axis:
%place = getelementptr i64, ptr %shape, i64 %k
%length = load i64, ptr %place
%product = mul i64 %size, %length
%next = add i64 %k, 1
br label %head
done:
ret i64 %size
""",
)
# Whether an array has the shape of the points.
HAS_SHAPE = function(
    "internal i1 @has_shape(ptr %call, ptr %array)",
    """\
entry:
%rank = get i64 %call Call.rank
%wanted = get ptr %call Call.shape
%own_rank = get i32 %array Array.rank
%shape = get ptr %array Array.shape
%found_rank = sext i32 %own_rank to i64
%is_same = icmp eq i64 %rank, %found_rank
br i1 %is_same, label %head, label %no
head:
%k = phi i64 [ 0, %entry ], [ %next, %axis ]
%more = icmp slt i64 %k, %rank
br i1 %more, label %axis, label %yes
axis:
%mine = getelementptr i64, ptr %wanted, i64 %k
%theirs = getelementptr i64, ptr %shape, i64 %k
%length = load i64, ptr %mine
%other = load i64, ptr %theirs
%next = add i64 %k, 1
%fits = icmp eq i64 %length, %other
br i1 %fits, label %head, label %no
yes:
ret i1 true
no:
ret i1 false
""",
)
# Python's numbers in single precision; no where one is beyond it, of which NumPy warns.
ROUND = function(
    "internal i1 @round(ptr %call, i64 %inputs)",
    """\
entry:
%slots = at %call Call.slots
%numbers = at %call Call.numbers
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %one ], [ %next, %rounded ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %inputs
br i1 %more, label %one, label %yes
one:
%first = shl i64 %k, 1
%slot = getelementptr i64, ptr %slots, i64 %first
%data = load ptr, ptr %slot
%number = getelementptr double, ptr %numbers, i64 %k
%is_python = icmp eq ptr %data, %number
br i1 %is_python, label %rounded, label %head
rounded:
%double = load double, ptr %number
%single = fptrunc double %double to float
store float %single, ptr %number
%size = call double @llvm.fabs.f64(double %double)
%is_infinite = fcmp oeq double %size, 0x7FF0000000000000
%is_within = fcmp ult double %size, 0x47EFFFFFE0000000
%fits = or i1 %is_infinite, %is_within
br i1 %fits, label %head, label %no
yes:
ret i1 true
no:
ret i1 false
""",
)
FUNCTIONS = TAKE, TAKE_ONE, TAKE_ARRAY, STEP, PRODUCT, HAS_SHAPE, ROUND
