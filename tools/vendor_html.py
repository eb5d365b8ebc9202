"""Fetches the JavaScript libraries of the HTML report from npm, by what is recorded of them.

python tools/vendor_html.py            the recorded versions; anything else than recorded is refused
python tools/vendor_html.py --record   after a version was changed in vendored.json: records anew

`npm pack` fetches; no script of a package is run.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "porting" / "report" / "html_assets" / "vendor"
RECORD = FOLDER / "vendored.json"


def main() -> int:
    """Writes each library's files, and with --record what they are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="record what npm has now")
    record = parser.parse_args().record
    libraries = json.loads(RECORD.read_text(encoding="utf-8"))
    for library in libraries:
        with tempfile.TemporaryDirectory() as folder:
            archive = pack(library["package"], library["version"], Path(folder))
            found = measured(library, archive.read_bytes(), contents(archive, library))
        if found != library and not record:
            print(f"{library['package']}: npm has another file than recorded", file=sys.stderr)
            return 1
        library.update(found)
    RECORD.write_text(json.dumps(libraries, indent=2) + "\n", encoding="utf-8")
    return 0


def pack(package: str, version: str, folder: Path) -> Path:
    """The package's archive as npm has it."""
    command = ["npm", "pack", "--ignore-scripts", "--silent", f"{package}@{version}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    return archive


def contents(archive: Path, library: dict[str, Any]) -> dict[str, bytes]:
    """The files that the report takes, by the name that they get here."""
    taken = {}
    with tarfile.open(archive) as packed:
        for file in library["files"]:
            member = packed.extractfile(f"package/{file['from']}")
            if member is None:
                raise SystemExit(f"{library['package']} has no {file['from']}")
            taken[file["name"]] = member.read()
    return taken


def measured(library: dict[str, Any], archive: bytes, files: dict[str, bytes]) -> dict[str, Any]:
    """The library's record with the digests of what was fetched; writes the files."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    entries = []
    for file in library["files"]:
        content = files[file["name"]]
        (FOLDER / file["name"]).write_bytes(content)
        entries.append({**file, "sha256": hashlib.sha256(content).hexdigest()})
    return {**library, "integrity": f"sha512-{digest}", "files": entries}


if __name__ == "__main__":
    sys.exit(main())
