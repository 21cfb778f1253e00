"""What is declared low, and where it is defined: each line binds a declaration to what stands above it."""

from exprad.bound import homes

homes.update({
    "as_operand": "exprad.arrays:as_operand",
    "formatted": "exprad.text.printer:formatted",
    "documentation": "exprad.manual:documentation",
    "signature": "exprad.manual:signature",
})  # fmt: skip
