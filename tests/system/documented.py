"""The SQL that the documentation has an operator paste: run as it stands there, so that it stays true."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def documented(fragment: str, page: str = "cutover.md") -> str:
    """The one statement in a page's SQL that holds the fragment, without psql's \\gexec and without comments."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^ *```sql\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL))
    plain = re.sub(r"(^|\s)-- .*$", "", blocks, flags=re.MULTILINE)
    (found,) = (each for each in re.split(r"\\gexec|;\n", plain) if fragment in each)
    return found.strip()
