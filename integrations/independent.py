"""Holds bundles against other people's implementations: `cargo xtask independent` makes them and runs this.

    independent.py KEY BUNDLE...

A line per check; ends with 1 if one fails.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import rfc8785
import verify_bundle
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

failed = 0


def check(what, fits):
    global failed
    failed += not fits
    print(f"{'ok    ' if fits else 'FAILED'} {what}")


def refuses(function, *arguments):
    try:
        function(*arguments)
    except Exception:  # noqa: BLE001 - any refusal is one
        return True
    return False


def dsse(path, key, files):
    envelope = Envelope.from_dict(json.loads(files["manifest.dsse.json"]))
    keyid = hashlib.sha256(key.raw).hexdigest()
    signer = SSlibKey(keyid, "ed25519", "ed25519", {"public": key.raw.hex()})
    check(f"{path.name}: securesystemslib verifies the envelope", not refuses(envelope.verify, [signer], 1))
    statement = json.loads(envelope.payload)
    digest = hashlib.sha256(files["manifest.json"]).hexdigest()
    check(f"{path.name}: the statement names the manifest", statement["subject"][0]["digest"]["sha256"] == digest)
    envelope.payload += b" "
    check(f"{path.name}: securesystemslib refuses another payload", refuses(envelope.verify, [signer], 1))


def canonical(path, files):
    for name, content in files.items():
        lines = content.splitlines() if name.endswith(".jsonl") else [content] if name.endswith(".json") else []
        same = all(rfc8785.dumps(json.loads(line)) == line for line in lines)
        if not same:
            check(f"{path.name}: rfc8785 writes {name} the same", False)
    check(f"{path.name}: rfc8785 writes all JSON the same", True)


def archives(path, files):
    gnu = subprocess.run(["tar", "-tf", path], check=True, capture_output=True, text=True).stdout.splitlines()
    with tarfile.open(path) as archive:
        python = archive.getnames()
    check(f"{path.name}: GNU tar, Python and ours list the same files", gnu == python == list(files))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "-xf", path, "-C", folder], check=True)
        sums = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
        check(f"{path.name}: sha256sum -c", sums.returncode == 0)


def tampered(path, key, data):
    step = max(1, len(data) // 2000)
    passed = [at for at in range(0, len(data), step) if not refuses(verify_bundle.verify, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], key)]
    check(f"{path.name}: verify_bundle.py finds each of {len(range(0, len(data), step))} flipped bits {passed[:3] or ''}", not passed)


def main():
    key = verify_bundle.Key(sys.argv[1])
    for path in map(pathlib.Path, sys.argv[2:]):
        data = path.read_bytes()
        check(f"{path.name}: verify_bundle.py", not refuses(verify_bundle.verify, data, key))
        files, _ = verify_bundle.unpack(data)
        dsse(path, key, files)
        canonical(path, files)
        archives(path, files)
        tampered(path, key, data)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
