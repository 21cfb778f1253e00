"""How a call's results are written, as LLVM's text: to arrays that are given or made, and into objects of Python's."""

from __future__ import annotations

from exprad.backends.native.calls import MOST, SINGLES, function
from exprad.backends.native.layout import ALIGNED, WARNS, WRITEABLE

# Whether `out=` is arrays, or a list or tuple of them, that may be written to as they are.
RECEIVE = function(
    "internal i1 @receive(ptr %table, ptr %call, ptr %out)",
    """\
entry:
%container = get i64 %table Table.container
%outputs = get i64 %table Table.outputs
%type = get ptr %out TYPE
%is_list = icmp eq ptr %type, @exprad_object_list
%is_tuple = icmp eq ptr %type, @exprad_object_tuple
%is_whole = or i1 %is_list, %is_tuple
%one = alloca ptr
store ptr %out, ptr %one
%is_one = icmp eq i64 %container, 0
br i1 %is_one, label %items, label %whole
whole:
br i1 %is_whole, label %counted, label %no
counted:
%count = get i64 %out COUNT
%fits = icmp eq i64 %count, %outputs
br i1 %fits, label %found, label %no
found:
%inside = at %out ITEMS
%outside = load ptr, ptr %inside
%of_whole = select i1 %is_list, ptr %outside, ptr %inside
br label %items
items:
%first = phi ptr [ %one, %entry ], [ %of_whole, %found ]
br label %head
head:
%k = phi i64 [ 0, %items ], [ %next, %item ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %outputs
br i1 %more, label %item, label %yes
item:
%place = getelementptr ptr, ptr %first, i64 %k
%object = load ptr, ptr %place
%may = call i1 @receive_one(ptr %table, ptr %call, ptr %object, i64 %k)
br i1 %may, label %head, label %no
yes:
ret i1 true
no:
ret i1 false
""",
)
RECEIVE_ONE = function(
    "internal i1 @receive_one(ptr %table, ptr %call, ptr %object, i64 %k)",
    f"""\
%kinds = get i64 %call Call.kinds
%is_single = icmp eq i64 %kinds, {SINGLES}
%bytes = select i1 %is_single, i64 4, i64 8
%wanted = select i1 %is_single, ptr @exprad_object_singles, ptr @exprad_object_doubles
%type = get ptr %object TYPE
%is_array = icmp eq ptr %type, @exprad_object_array
br i1 %is_array, label %array, label %no
array:
%dtype = get ptr %object Array.dtype
%has_type = icmp eq ptr %dtype, %wanted
%flags = get i32 %object Array.flags
%own = and i32 %flags, {ALIGNED | WRITEABLE | WARNS}
%is_writeable = icmp eq i32 %own, {ALIGNED | WRITEABLE}
%may = and i1 %has_type, %is_writeable
br i1 %may, label %typed, label %no
typed:
%has_shape = call i1 @has_shape(ptr %call, ptr %object)
br i1 %has_shape, label %shaped, label %no
shaped:
%step = call i64 @step(ptr %object, i64 %bytes)
%doubled = shl i64 %step, 1
%is_regular = icmp ne i64 %doubled, 0
br i1 %is_regular, label %regular, label %no
regular:
%inputs = get i64 %table Table.inputs
%mine = add i64 %inputs, %k
%slots = at %call Call.slots
%index = shl i64 %mine, 1
%slot = getelementptr i64, ptr %slots, i64 %index
%stride = getelementptr i64, ptr %slot, i64 1
%data = get ptr %object Array.data
store ptr %data, ptr %slot
store i64 %step, ptr %stride
%results = at %call Call.results
%result = getelementptr ptr, ptr %results, i64 %k
store ptr %object, ptr %result
%is_shared = call i1 @shares(ptr %call, i64 %mine, i64 %bytes)
%is_alone = xor i1 %is_shared, true
ret i1 %is_alone
no:
ret i1 false
""",
)
# Whether an array may share memory with one before it.
SHARES = function(
    "internal i1 @shares(ptr %call, i64 %mine, i64 %bytes)",
    """\
entry:
%size = get i64 %call Call.size
%is_empty = icmp eq i64 %size, 0
%low = call i64 @end(ptr %call, i64 %mine, i64 0, i64 0)
%high = call i64 @end(ptr %call, i64 %mine, i64 1, i64 %bytes)
br i1 %is_empty, label %no, label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %one ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %mine
br i1 %more, label %one, label %no
one:
%other_low = call i64 @end(ptr %call, i64 %k, i64 0, i64 0)
%other_high = call i64 @end(ptr %call, i64 %k, i64 1, i64 %bytes)
%begins = icmp ult i64 %low, %other_high
%ends = icmp ult i64 %other_low, %high
%is_shared = and i1 %begins, %ends
br i1 %is_shared, label %yes, label %head
yes:
ret i1 true
no:
ret i1 false
""",
)
# Where the bytes of an array begin, or end.
END = function(
    "internal i64 @end(ptr %call, i64 %k, i64 %is_high, i64 %bytes)",
    """\
%slots = at %call Call.slots
%index = shl i64 %k, 1
%slot = getelementptr i64, ptr %slots, i64 %index
%place = getelementptr i64, ptr %slot, i64 1
%data = load i64, ptr %slot
%stride = load i64, ptr %place
%size = get i64 %call Call.size
%steps = sub i64 %size, 1
%span = mul i64 %steps, %stride
%is_forward = icmp sgt i64 %span, 0
%wants_high = icmp ne i64 %is_high, 0
%is_far = icmp eq i1 %is_forward, %wants_high
%moved = select i1 %is_far, i64 %span, i64 0
%last = add i64 %data, %moved
%end = add i64 %last, %bytes
ret i64 %end
""",
)
# New arrays for all outputs; none where the memory does not suffice, which Python has been told.
ALLOCATE = function(
    "internal i1 @allocate(ptr %table, ptr %call)",
    f"""\
entry:
%kinds = get i64 %call Call.kinds
%is_single = icmp eq i64 %kinds, {SINGLES}
%bytes = select i1 %is_single, i64 4, i64 8
%type = select i1 %is_single, ptr @exprad_object_singles, ptr @exprad_object_doubles
%outputs = get i64 %table Table.outputs
%inputs = get i64 %table Table.inputs
%rank = get i64 %call Call.rank
%axes = trunc i64 %rank to i32
%shape = get ptr %call Call.shape
%slots = at %call Call.slots
%results = at %call Call.results
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %made ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %outputs
br i1 %more, label %one, label %yes
one:
call void @exprad_Py_IncRef(ptr %type)
%array = call ptr @exprad_np_new(ptr @exprad_object_array, ptr %type, i32 %axes, ptr %shape, ptr null, ptr null, i32 0, ptr null)
%is_none = icmp eq ptr %array, null
br i1 %is_none, label %fail, label %made
made:
%result = getelementptr ptr, ptr %results, i64 %k
store ptr %array, ptr %result
%data = get ptr %array Array.data
%mine = add i64 %inputs, %k
%index = shl i64 %mine, 1
%slot = getelementptr i64, ptr %slots, i64 %index
%stride = getelementptr i64, ptr %slot, i64 1
store ptr %data, ptr %slot
store i64 %bytes, ptr %stride
br label %head
fail:
call void @each(ptr %results, i64 %k, ptr @exprad_Py_DecRef)
ret i1 false
yes:
ret i1 true
""",
)
# Hold objects, or drop them.
EACH = function(
    "internal void @each(ptr %objects, i64 %count, ptr %act)",
    """\
entry:
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %one ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %count
br i1 %more, label %one, label %done
one:
%place = getelementptr ptr, ptr %objects, i64 %k
%object = load ptr, ptr %place
call void %act(ptr %object)
br label %head
done:
ret void
""",
)
# One result, or a list or tuple of results, which it takes over; null where one is null.
CONTAINED = function(
    "internal ptr @contained(ptr %table, ptr %objects)",
    """\
entry:
%container = get i64 %table Table.container
%outputs = get i64 %table Table.outputs
switch i64 %container, label %tuple [ i64 0, label %one i64 1, label %list ]
one:
%only = load ptr, ptr %objects
ret ptr %only
list:
%new_list = call ptr @exprad_PyList_New(i64 %outputs)
%no_list = icmp eq ptr %new_list, null
br i1 %no_list, label %fail, label %listed
listed:
%outside = get ptr %new_list ITEMS
br label %filled
tuple:
%new_tuple = call ptr @exprad_PyTuple_New(i64 %outputs)
%no_tuple = icmp eq ptr %new_tuple, null
br i1 %no_tuple, label %fail, label %tupled
tupled:
%inside = at %new_tuple ITEMS
br label %filled
filled:
%whole = phi ptr [ %new_list, %listed ], [ %new_tuple, %tupled ]
%items = phi ptr [ %outside, %listed ], [ %inside, %tupled ]
br label %head
head:
%k = phi i64 [ 0, %filled ], [ %next, %one_item ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %outputs
br i1 %more, label %one_item, label %done
one_item:
%place = getelementptr ptr, ptr %objects, i64 %k
%object = load ptr, ptr %place
%item = getelementptr ptr, ptr %items, i64 %k
store ptr %object, ptr %item
br label %head
done:
ret ptr %whole
fail:
call void @each(ptr %objects, i64 %outputs, ptr @exprad_Py_DecRef)
ret ptr null
""",
)
# What a point's results are for Python: floats, or bools of conditions.
NUMBERS = function(
    "internal ptr @numbers(ptr %table, ptr %values)",
    f"""\
entry:
%objects = alloca [{MOST} x ptr]
%outputs = get i64 %table Table.outputs
%truths = get ptr %table Table.truths
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %made ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %outputs
br i1 %more, label %one, label %whole
one:
%at = getelementptr double, ptr %values, i64 %k
%value = load double, ptr %at
%place = getelementptr i8, ptr %truths, i64 %k
%is_truth = load i8, ptr %place
%is_number = icmp eq i8 %is_truth, 0
br i1 %is_number, label %number, label %truth
number:
%float = call ptr @exprad_PyFloat_FromDouble(double %value)
br label %boxed
truth:
%bit = fptosi double %value to i64
%bool = call ptr @exprad_PyBool_FromLong(i64 %bit)
br label %boxed
boxed:
%object = phi ptr [ %float, %number ], [ %bool, %truth ]
%is_none = icmp eq ptr %object, null
br i1 %is_none, label %fail, label %made
made:
%result = getelementptr ptr, ptr %objects, i64 %k
store ptr %object, ptr %result
br label %head
whole:
%found = call ptr @contained(ptr %table, ptr %objects)
ret ptr %found
fail:
call void @each(ptr %objects, i64 %k, ptr @exprad_Py_DecRef)
ret ptr null
""",
)
# What the arrays are for Python: those of no axes are numbers of NumPy's.
RETURNED = function(
    "internal ptr @returned(ptr %table, ptr %call)",
    """\
entry:
%results = at %call Call.results
%outputs = get i64 %table Table.outputs
br label %head
head:
%k = phi i64 [ 0, %entry ], [ %next, %one ]
%next = add i64 %k, 1
%more = icmp slt i64 %k, %outputs
br i1 %more, label %one, label %whole
one:
%place = getelementptr ptr, ptr %results, i64 %k
%array = load ptr, ptr %place
%result = call ptr @exprad_np_returned(ptr %array)
store ptr %result, ptr %place
%is_none = icmp eq ptr %result, null
br i1 %is_none, label %fail, label %head
whole:
%found = call ptr @contained(ptr %table, ptr %results)
ret ptr %found
fail:
call void @each(ptr %results, i64 %k, ptr @exprad_Py_DecRef)
%last = sub i64 %outputs, %next
%rest = getelementptr ptr, ptr %results, i64 %next
call void @each(ptr %rest, i64 %last, ptr @exprad_Py_DecRef)
ret ptr null
""",
)
FUNCTIONS = RECEIVE, RECEIVE_ONE, SHARES, END, ALLOCATE, EACH, CONTAINED, NUMBERS, RETURNED
