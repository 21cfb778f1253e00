"""Names in C: those that are taken, and variables' names in comments."""

from __future__ import annotations

import re

# Words of C, and what the code, math.h and stdio.h call something; those of math.h with the letters f and l as well.
KEYWORDS = frozenset(
    """differs asm auto break case char const continue default do double else enum extern float for goto if inline int long
    main register restrict return short signed sizeof static struct switch typedef typeof union unsigned void
    volatile while clearerr dprintf expected failed ctermid fclose fdopen feof ferror fflush fgetc fgetpos fgets
    fileno flockfile fmemopen fopen fprintf fputc fputs fread freopen fscanf fseek fseeko fsetpos ftell ftello
    ftrylockfile funlockfile fwrite getc getchar getdelim getline gets getw i j linux math open_memstream pclose
    perror points popen printf putc putchar puts putw remove rename renameat rewind scale scanf setbuf setbuffer
    setlinebuf setvbuf snprintf sprintf sscanf stderr stdin stdio stdout tempnam tmpfile tmpnam ungetc unix
    vdprintf vfprintf vfscanf vprintf vscanf vsnprintf vsprintf vsscanf w x y""".split()
)
OF_MATH = frozenset(
    """acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2 expm1 fabs fdim finite
    floor fma fmax fmin fmod fpclassify frexp gamma hypot ilogb isfinite isgreater isgreaterequal isinf isless islessequal
    islessgreater isnan isnormal isunordered j0 j1 jn ldexp lgamma llrint llround log log10 log1p log2 logb lrint
    lround modf nan nearbyint nextafter nexttoward pow pow10 remainder remquo rint round scalb scalbln scalbn signbit
    significand signgam sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn""".split()
)
MACROS = re.compile(
    "(FP|M|MATH|HUGE|L|P|SEEK|TMP|FILENAME|FOPEN)_[A-Za-z0-9_]*|EOF|FILE|NULL|NAN|INFINITY|BUFSIZ|HUGE|HUGE_VAL[FL]?|DOMAIN|SING|"
    "OVERFLOW|UNDERFLOW|PLOSS|TLOSS|.*_t|.*_unlocked|lgamma[fl]?_r|tmpnam_r|(f|points|expected)[0-9]+"
)


def is_taken(name: str) -> bool:
    """Whether C, or a header that the code includes, knows a name already; those in capitals are macros."""
    of_math = {name, name[:-1]} if name[-1] in "fl" else {name}
    return name in KEYWORDS or bool(of_math & OF_MATH) or MACROS.fullmatch(name) is not None


def commented(name: str) -> str:
    """A name within a comment: printable ASCII that begins and ends no comment, continues no line and is no trigraph."""
    if name.isascii() and name.isidentifier():
        return name
    plain = "".join(
        [each if each.isascii() and each.isprintable() and each != "\\" else _escaped(each) for each in name]
    )
    return re.sub(r"(?<=/)[*]|[*](?=/)|(?<=[?])[?]", lambda found: _escaped(found[0]), plain)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
