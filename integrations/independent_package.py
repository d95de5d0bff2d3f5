"""Holds a plugin package against other people's implementations: `cargo xtask independent` builds one and runs this.

    independent_package.py KEY PACKAGE

A line per check; ends with 1 if one fails.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile

import independent
import verify_bundle
from independent import check, refuses
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

MANIFEST, ENVELOPE = "package-manifest.json", "package-manifest.dsse.json"


def signed(key, files):
    envelope = Envelope.from_dict(json.loads(files[ENVELOPE]))
    signer = SSlibKey(hashlib.sha256(key.raw).hexdigest(), "ed25519", "ed25519", {"public": key.raw.hex()})
    check("securesystemslib verifies the envelope", not refuses(envelope.verify, [signer], 1))
    digest = hashlib.sha256(files[MANIFEST]).hexdigest()
    subject = json.loads(envelope.payload)["subject"]
    check("the statement names the manifest", subject == [{"name": MANIFEST, "digest": {"sha256": digest}}])
    envelope.payload += b" "
    check("securesystemslib refuses another payload", refuses(envelope.verify, [signer], 1))


def listed(path, files):
    gnu = subprocess.run(["tar", "-tf", path], check=True, capture_output=True, text=True).stdout.splitlines()
    named = [file["path"] for file in json.loads(files[MANIFEST])["files"]]
    check("GNU tar, Python and the manifest list the same files", gnu == list(files) == [MANIFEST, ENVELOPE, *named])
    check("they stand in the order of their paths", named == sorted(named, key=str.encode))
    same = all(
        hashlib.sha256(files[file["path"]]).hexdigest() == file["sha256"] and len(files[file["path"]]) == file["bytes"]
        for file in json.loads(files[MANIFEST])["files"]
    )
    check("each file has the digest and the size that the manifest names", same)


def contracts(files):
    schemas = {path: json.loads(text) for path, text in files.items() if path.startswith("schemas/")}
    check(
        f"jsonschema takes each of {len(schemas)} schemas",
        not any(refuses(Draft202012Validator.check_schema, schema) for schema in schemas.values()),
    )
    documents = {"package-manifest": files[MANIFEST], "event-record": files["examples/event.json"]}
    documents |= {name: files[f"examples/{name}.json"] for name in ("decision", "evidence", "notice", "receipt")}
    for name, text in documents.items():
        validator = Draft202012Validator(schemas[f"schemas/{name}.json"])
        document = json.loads(text)
        check(f"jsonschema holds the {name} against its contract", validator.is_valid(document))
        check("and refuses it with a field more", not validator.is_valid(document | {"surprise": 1}))


def main():
    key, path = verify_bundle.Key(sys.argv[1]), pathlib.Path(sys.argv[2])
    with tarfile.open(path) as archive:
        plain = all(member.isreg() and (member.mode, member.mtime, member.uid) == (0o644, 0, 0) for member in archive)
        files = {member.name: archive.extractfile(member).read() for member in archive}
    check("plain files alone, without time, owner or mode of their own", plain)
    signed(key, files)
    listed(path, files)
    contracts(files)
    return 1 if independent.failed else 0


if __name__ == "__main__":
    sys.exit(main())
