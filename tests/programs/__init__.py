"""Random programs of arrays: drawn as data, run on every carrier, compared with NumPy and with a reference of their own.

`python -m tests.programs --count 1000 --seed 0` counts the differences by kind and prints the shortest programs that show
them. Nothing here reads exprad's tables or the cases of other tests:

- `program.py`       a program is inputs and steps; its text is Python as a user writes it;
- `operations.py`    the table of operations: the text of each, and how its arguments are drawn (`drawing.py`);
- `indices.py`       every kind of index that NumPy takes;
- `generator.py`     what programs are made of: random steps, and guards around changes of shape;
- `refusals.py`      programs that NumPy refuses;
- `jets.py`          the reference: numbers with sparse first and second derivatives (`functions.py`), of floats or in high
                     precision (`arithmetic.py`); `reference.py`: NumPy's functions of arrays of them; `peers.py`: others';
- `carriers.py`      the routes by which exprad gives values, slopes and curvatures; `routes.py`: the table of them;
- `differences.py`   what is compared, and when;
- `shrink.py`        a shorter program with the same difference.

What is promised, and so compared: a value always, with NumPy's. A derivative by an element of the inputs wherever every
number on its way is finite and no larger than `LARGE`; an element that `where` does not choose, that loses in an extremum or
that an index never reads is not on the way, whatever it is. Rows that mix all elements (`MIXES` in reference.py: products of
matrices, softmax) multiply with zeros as they come, so what has met one while it was infinite is not compared. Other
exceptions to "as NumPy": a singular matrix is nan and no error; the sign of a nan means nothing; an exact 0 has no sign, so
`x + 0` is not drawn; a power of 0.5 is C's, so that of -inf is none of NumPy's, and not drawn; sinc is 0 at whole numbers; and
where rounding decides (a comparison of numbers that differ by less than `NEAR`, or a reference
that 40 digits do not confirm) nothing is promised.
"""
