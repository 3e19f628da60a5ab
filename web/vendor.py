"""Fetch the vendored front-end files anew by `npm pack`, with their licences: python -m web.vendor

To take a newer version, change it here, run this, look at the pages, and commit what changed.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static" / "vendor"


@dataclass(frozen=True)
class Vendored:
    """One file of an npm package."""

    package: str
    version: str
    licence: str
    inside: str
    name: str


FILES = (
    Vendored("socket.io-client", "4.8.4", "MIT", "dist/socket.io.esm.min.js", "socket.io.esm.min.js"),
    Vendored("htm", "3.1.1", "Apache-2.0; preact in it MIT", "preact/standalone.module.js", "htm-preact.module.js"),
    Vendored("uplot", "1.6.32", "MIT", "dist/uPlot.iife.min.js", "uPlot.iife.min.js"),
    Vendored("uplot", "1.6.32", "MIT", "dist/uPlot.min.css", "uPlot.min.css"),
)


def contents(file: Vendored) -> tuple[bytes, bytes]:
    """The file and its package's licence, as npm serves them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"{file.package}@{file.version}"], cwd=folder, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            return _member(packed, file.inside), _member(packed, "LICENSE")


def _member(packed: tarfile.TarFile, name: str) -> bytes:
    member = packed.extractfile(f"package/{name}")
    assert member is not None, f"{name} is no file"
    return member.read()


def main() -> None:
    """Write the files, and say what they are."""
    lines = [
        "# Vendored front-end files",
        "",
        "Unchanged from npm; `python -m web.vendor` fetches them and writes this table. The licences stand beside them.",
        "",
        "| file | package | version | licence | sha256 |",
        "|---|---|---|---|---|",
    ]
    for file in FILES:
        data, licence = contents(file)
        (FOLDER / file.name).write_bytes(data)
        (FOLDER / f"LICENSE-{file.package}.md").write_bytes(licence)
        digest = hashlib.sha256(data).hexdigest()
        lines.append(f"| {file.name} | {file.package} | {file.version} | {file.licence} | `{digest}` |")
    (FOLDER / "VENDOR.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
