"""What runs the jobs of a table: the text of its functions in machine code.

A table is a list of jobs, each of which begins with its handler and how many words it takes; all words are whole numbers of
64 bits. `tables` writes them.
"""

# What runs tables. A job is [handler, words, ...]; handlers take the job, from which unit to which, and where a thread's
# registers lie from the first thread's.
HANDLERS = """
; [handler, words, 1, loop, data, arrays, where counts lie, where steps lie, addresses ...]: one call
define void @exprad_direct(ptr %job, i64 %first, i64 %last, i64 %delta) {
entry:
  %args = alloca [MOST x ptr], align 16
  %fp = getelementptr i64, ptr %job, i64 3
  %function = load ptr, ptr %fp, align 8
  %gp = getelementptr i64, ptr %job, i64 4
  %data = load ptr, ptr %gp, align 8
  %ap = getelementptr i64, ptr %job, i64 5
  %arrays = load i64, ptr %ap, align 8
  %cp = getelementptr i64, ptr %job, i64 6
  %count_at = load i64, ptr %cp, align 8
  %count = getelementptr i64, ptr %job, i64 %count_at
  %tp = getelementptr i64, ptr %job, i64 7
  %steps_at = load i64, ptr %tp, align 8
  %steps = getelementptr i64, ptr %job, i64 %steps_at
  %addresses = getelementptr i64, ptr %job, i64 8
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %next, %head ]
  %from = getelementptr i64, ptr %addresses, i64 %k
  %to = getelementptr ptr, ptr %args, i64 %k
  %address = load i64, ptr %from, align 8
  store i64 %address, ptr %to, align 8
  %next = add i64 %k, 1
  %more = icmp slt i64 %next, %arrays
  br i1 %more, label %head, label %done
done:
  call void %function(ptr %args, ptr %count, ptr %steps, ptr %data)
  ret void
}

; [handler, words, units, n, block, blocks, axes, calls, (size of an axis) ..., calls ...]; a unit is a block of at most `block`
; of the n elements of the last axis, at one place of the other axes. A call is [words, loop, data, arrays, where counts lie or
; 0, where steps lie, addresses ..., (bytes to the next element) ..., (1 for registers, else 0) ..., (bytes along an axis) ...,
; and so on for each axis]
define void @exprad_nest(ptr %job, i64 %first, i64 %last, i64 %delta) {
entry:
  %args = alloca [MOST x ptr], align 16
  %places = alloca [32 x i64], align 16
  %left = alloca i64, align 8
  %np = getelementptr i64, ptr %job, i64 3
  %n = load i64, ptr %np, align 8
  %bp = getelementptr i64, ptr %job, i64 4
  %block = load i64, ptr %bp, align 8
  %mp = getelementptr i64, ptr %job, i64 5
  %blocks = load i64, ptr %mp, align 8
  %rp = getelementptr i64, ptr %job, i64 6
  %rank = load i64, ptr %rp, align 8
  %kp = getelementptr i64, ptr %job, i64 7
  %calls = load i64, ptr %kp, align 8
  %sizes = getelementptr i64, ptr %job, i64 8
  %start = getelementptr i64, ptr %sizes, i64 %rank
  br label %units
units:
  %u = phi i64 [ %first, %entry ], [ %u1, %called ]
  %any = icmp slt i64 %u, %last
  br i1 %any, label %unit, label %done
unit:
  %outer = udiv i64 %u, %blocks
  %whole = mul i64 %outer, %blocks
  %b = sub i64 %u, %whole
  %at = mul i64 %b, %block
  %rest = sub i64 %n, %at
  %fits = icmp slt i64 %rest, %block
  %count = select i1 %fits, i64 %rest, i64 %block
  store i64 %count, ptr %left, align 8
  br label %axes
axes:
  %r = phi i64 [ %rank, %unit ], [ %r1, %axis ]
  %o = phi i64 [ %outer, %unit ], [ %o1, %axis ]
  %inner = icmp sgt i64 %r, 0
  br i1 %inner, label %axis, label %begin
axis:
  %r1 = sub i64 %r, 1
  %sp = getelementptr i64, ptr %sizes, i64 %r1
  %size = load i64, ptr %sp, align 8
  %o1 = udiv i64 %o, %size
  %back = mul i64 %o1, %size
  %place = sub i64 %o, %back
  %pp = getelementptr i64, ptr %places, i64 %r1
  store i64 %place, ptr %pp, align 8
  br label %axes
begin:
  br label %each
each:
  %c = phi i64 [ 0, %begin ], [ %c1, %call ]
  %p = phi ptr [ %start, %begin ], [ %p1, %call ]
  %fp = getelementptr i64, ptr %p, i64 1
  %function = load ptr, ptr %fp, align 8
  %gp = getelementptr i64, ptr %p, i64 2
  %data = load ptr, ptr %gp, align 8
  %ap = getelementptr i64, ptr %p, i64 3
  %arrays = load i64, ptr %ap, align 8
  %cp = getelementptr i64, ptr %p, i64 4
  %count_at = load i64, ptr %cp, align 8
  %tp = getelementptr i64, ptr %p, i64 5
  %steps_at = load i64, ptr %tp, align 8
  %steps = getelementptr i64, ptr %p, i64 %steps_at
  %addresses = getelementptr i64, ptr %p, i64 6
  %bumps = getelementptr i64, ptr %addresses, i64 %arrays
  %own = getelementptr i64, ptr %bumps, i64 %arrays
  %strides = getelementptr i64, ptr %own, i64 %arrays
  br label %array
array:
  %k = phi i64 [ 0, %each ], [ %k1, %placed ]
  %xp = getelementptr i64, ptr %addresses, i64 %k
  %x = load i64, ptr %xp, align 8
  %yp = getelementptr i64, ptr %bumps, i64 %k
  %y = load i64, ptr %yp, align 8
  %along = mul i64 %y, %at
  %zp = getelementptr i64, ptr %own, i64 %k
  %z = load i64, ptr %zp, align 8
  %moved = mul i64 %z, %delta
  %x1 = add i64 %x, %along
  %x2 = add i64 %x1, %moved
  br label %offsets
offsets:
  %q = phi i64 [ 0, %array ], [ %q1, %offset ]
  %address = phi i64 [ %x2, %array ], [ %address1, %offset ]
  %further = icmp slt i64 %q, %rank
  br i1 %further, label %offset, label %placed
offset:
  %row = mul i64 %q, %arrays
  %cell = add i64 %row, %k
  %vp = getelementptr i64, ptr %strides, i64 %cell
  %v = load i64, ptr %vp, align 8
  %ip = getelementptr i64, ptr %places, i64 %q
  %index = load i64, ptr %ip, align 8
  %by = mul i64 %v, %index
  %address1 = add i64 %address, %by
  %q1 = add i64 %q, 1
  br label %offsets
placed:
  %to = getelementptr ptr, ptr %args, i64 %k
  store i64 %address, ptr %to, align 8
  %k1 = add i64 %k, 1
  %others = icmp slt i64 %k1, %arrays
  br i1 %others, label %array, label %call
call:
  %is_block = icmp eq i64 %count_at, 0
  %own_count = getelementptr i64, ptr %p, i64 %count_at
  %dims = select i1 %is_block, ptr %left, ptr %own_count
  call void %function(ptr %args, ptr %dims, ptr %steps, ptr %data)
  %words = load i64, ptr %p, align 8
  %p1 = getelementptr i64, ptr %p, i64 %words
  %c1 = add i64 %c, 1
  %again = icmp slt i64 %c1, %calls
  br i1 %again, label %each, label %called
called:
  %u1 = add i64 %u, 1
  br label %units
done:
  ret void
}

; the same for one axis outside, one call, and blocks of all elements
define void @exprad_lines(ptr %job, i64 %first, i64 %last, i64 %delta) {
entry:
  %args = alloca [MOST x ptr], align 16
  %places = alloca [MOST x i64], align 16
  %p = getelementptr i64, ptr %job, i64 9
  %fp = getelementptr i64, ptr %p, i64 1
  %function = load ptr, ptr %fp, align 8
  %gp = getelementptr i64, ptr %p, i64 2
  %data = load ptr, ptr %gp, align 8
  %ap = getelementptr i64, ptr %p, i64 3
  %arrays = load i64, ptr %ap, align 8
  %cp = getelementptr i64, ptr %p, i64 4
  %count_at = load i64, ptr %cp, align 8
  %tp = getelementptr i64, ptr %p, i64 5
  %steps_at = load i64, ptr %tp, align 8
  %steps = getelementptr i64, ptr %p, i64 %steps_at
  %np = getelementptr i64, ptr %job, i64 3
  %is_block = icmp eq i64 %count_at, 0
  %own_count = getelementptr i64, ptr %p, i64 %count_at
  %dims = select i1 %is_block, ptr %np, ptr %own_count
  %addresses = getelementptr i64, ptr %p, i64 6
  %beside = mul i64 %arrays, 3
  %strides = getelementptr i64, ptr %addresses, i64 %beside
  br label %begin
begin:
  %b = phi i64 [ 0, %entry ], [ %b1, %begin ]
  %xp = getelementptr i64, ptr %addresses, i64 %b
  %x = load i64, ptr %xp, align 8
  %yp = getelementptr i64, ptr %places, i64 %b
  store i64 %x, ptr %yp, align 8
  %b1 = add i64 %b, 1
  %filling = icmp slt i64 %b1, %arrays
  br i1 %filling, label %begin, label %units
units:
  %u = phi i64 [ %first, %begin ], [ %u1, %call ]
  %any = icmp slt i64 %u, %last
  br i1 %any, label %array, label %done
array:
  %k = phi i64 [ 0, %units ], [ %k1, %array ]
  %zp = getelementptr i64, ptr %places, i64 %k
  %z = load i64, ptr %zp, align 8
  %to = getelementptr i64, ptr %args, i64 %k
  store i64 %z, ptr %to, align 8
  %vp = getelementptr i64, ptr %strides, i64 %k
  %v = load i64, ptr %vp, align 8
  %z1 = add i64 %z, %v
  store i64 %z1, ptr %zp, align 8
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %arrays
  br i1 %more, label %array, label %call
call:
  call void %function(ptr %args, ptr %dims, ptr %steps, ptr %data)
  %u1 = add i64 %u, 1
  br label %units
done:
  ret void
}

; jobs one after another, up to an address
define void @exprad_run(ptr %from, ptr %beyond) {
entry:
  br label %head
head:
  %job = phi ptr [ %from, %entry ], [ %next, %do ]
  %any = icmp ult ptr %job, %beyond
  br i1 %any, label %do, label %done
do:
  %handler = load ptr, ptr %job, align 8
  %wp = getelementptr i64, ptr %job, i64 1
  %words = load i64, ptr %wp, align 8
  %up = getelementptr i64, ptr %job, i64 2
  %units = load i64, ptr %up, align 8
  call void %handler(ptr %job, i64 0, i64 %units, i64 0)
  %next = getelementptr i64, ptr %job, i64 %words
  br label %head
done:
  ret void
}
""".strip()
