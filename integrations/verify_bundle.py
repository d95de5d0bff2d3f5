#!/usr/bin/env python3
"""Checks a Candor audit bundle without Candor: the standard library, and `cryptography` for Ed25519.

    python3 verify_bundle.py BUNDLE.tar KEY [COPIER]

KEY is the node's public key as `candor audit key` prints it, or one that it had before: the changes of its key that the bundle holds are followed from
there, each signed by the key before. COPIER is the key of whoever made a redacted copy, where that wasn't the node. A packed
bundle is unpacked first: `zstd -d BUNDLE.tar.zst`. Ends with 0 if the bundle is intact, 1 if not, 2 if it couldn't be checked.
crates/audit/BUNDLE.md and crates/audit/FORMAT.md say what is checked here, and why. It holds a whole bundle in memory; for large ones use
`candor audit verify`.
"""

import base64
import hashlib
import io
import json
import struct
import sys
import tarfile

FILES = ["manifest.json", "manifest.dsse.json", "checkpoint.txt", "records.jsonl", "nodes.txt", "openings.jsonl", "SHA256SUMS"]
FOLDERS = {
    "watch": "long-task-watchdog", "event": "long-task-watchdog-events", "claim": "reporting-claims", "evidence": "reporting-evidence",
    "decision": "reporting-decisions", "incident": "long-task-watchdog-incidents", "queue": "operator-notify-queue",
    "spool": "operator-notify-dispatch-spool", "attempt": "operator-notify-sender-attempts", "receipt": "operator-notify-bridge-receipts",
    "operator_act": "operator-acts", "gate": "live-gates", "heartbeat_fold": "long-task-watchdog-heartbeats", "gap": "audit-gaps",
    "profile": "deployment-profiles", "capability": "capability-descriptors", "pack": "policy-packs", "key": "audit-keys",
}


class Wrong(Exception):
    """The first thing that doesn't fit."""


def must(fits, words):
    if not fits:
        raise Wrong(words)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def block(name):
    return name.encode().ljust(64, b"\0")


def strict(text):
    """JSON without duplicate keys."""
    def pairs(items):
        keys = [key for key, _ in items]
        must(len(keys) == len(set(keys)), "a key stands twice")
        return dict(items)

    return json.loads(text, object_pairs_hook=pairs)


# --- canonical form (RFC 8785) ---------------------------------------------------------------------------------------------------


def number(value):
    if isinstance(value, int):
        return str(value)
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    digits = mantissa.replace(".", "").replace("-", "").rstrip("0") or "0"
    sign, power = ("-" if value < 0 else ""), int(exponent)
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{power:+d}"


def string(text):
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\x7f")


def scalar(value):
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return string(value) if isinstance(value, str) else number(value)


def ordered(value):
    return sorted(value.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))


def canonical(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{string(key)}:{canonical(item)}" for key, item in ordered(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return scalar(value)


# --- hashes ------------------------------------------------------------------------------------------------------------------------


def chacha20(key, length):
    """RFC 8439 section 2.4 with nonce 0 and counter from 0."""
    def quarter(w, a, b, c, d):
        for one, other, third, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            w[one] = (w[one] + w[other]) & 0xFFFFFFFF
            w[third] ^= w[one]
            w[third] = ((w[third] << by) | (w[third] >> (32 - by))) & 0xFFFFFFFF

    out, counter = b"", 0
    while len(out) < length:
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter, 0, 0, 0]
        w = start[:]
        for _ in range(10):
            for columns in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
                quarter(w, *columns)
            for diagonals in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                quarter(w, *diagonals)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(w, start)))
        counter += 1
    return out[:length]


def leaves(value, pointer=""):
    """The leaves with their JSON pointers, and the frame."""
    if isinstance(value, dict) and value and not (len(value) == 1 and "$redacted" in value):
        found, frame = [], {}
        for key, item in ordered(value):
            below, frame[key] = leaves(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
            found += below
        return found, frame
    if isinstance(value, list) and value:
        below = [leaves(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        return [leaf for found, _ in below for leaf in found], [frame for _, frame in below]
    return [(pointer, value)], 0


def root(hashes, node):
    if not hashes:
        return sha()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha(node, root(hashes[:split], node), root(hashes[split:], node))


def commitment(value, opening):
    found, frame = leaves(value)
    if "nonce" in opening:
        stream = chacha20(base64.b64decode(opening["nonce"], validate=True), 16 * len(found))
        salts = {pointer: stream[16 * at : 16 * at + 16] for at, (pointer, _) in enumerate(found)}
    else:
        salts = {pointer: base64.b64decode(salt, validate=True) for pointer, salt in opening["salts"].items()}
    hashes = []
    for pointer, leaf in found:
        if isinstance(leaf, dict) and leaf:
            hashes.append(base64.b64decode(leaf["$redacted"], validate=True))
        else:
            must(pointer in salts, f"the value at {pointer} has no salt")
            hashes.append(sha(block("candor-audit-v1/value"), salts.pop(pointer), canonical(leaf).encode()))
    must("nonce" in opening or not salts, "there are salts of values that aren't there")
    hashes.append(sha(block("candor-audit-v1/frame"), canonical(frame).encode()))
    return root(hashes, block("candor-audit-v1/node"))


# --- signatures ----------------------------------------------------------------------------------------------------------------------


class Key:
    def __init__(self, text):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self.text = text.strip()
        self.name, self.id, typed = self.text.split("+", 2)
        typed = base64.b64decode(typed, validate=True)
        if typed[:1] != b"\1" or sha(self.name.encode(), b"\n", typed)[:4].hex() != self.id:
            raise ValueError("that is no public key of a node")
        self.raw = typed[1:]
        self.key = Ed25519PublicKey.from_public_bytes(self.raw)

    def signed(self, text, signature):
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, text)
            return True
        except InvalidSignature:
            return False


def signed_manifest(envelope, key):
    envelope = strict(envelope)
    payload = base64.b64decode(envelope["payload"], validate=True)
    kind = "application/vnd.in-toto+json"
    encoded = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    must(envelope["payloadType"] == kind and len(envelope["signatures"]) == 1, "the envelope holds something else")
    must(key.signed(encoded, base64.b64decode(envelope["signatures"][0]["sig"])), "the envelope isn't signed by the key")
    statement = strict(payload)
    must(statement["predicateType"] == "urn:candor:audit-bundle:v1", "the signed statement is of another type")
    (subject,) = statement["subject"]
    must(subject["name"] == "manifest.json", "the signed statement is about another file")
    return subject["digest"]["sha256"]


def signed_head(note, key):
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    for line in lines.splitlines():
        _, name, signature = line.split(" ", 2)
        signature = base64.b64decode(signature, validate=True)
        if name == key.name and signature[:4].hex() == key.id:
            must(key.signed(text.encode(), signature[4:]), "the log's head isn't signed by the key")
            origin, size, head = text.splitlines()[:3]
            return origin, int(size), base64.b64decode(head, validate=True)
    raise Wrong("the log's head isn't signed by the key")


def is_head_of(note, key):
    try:
        return bool(signed_head(note, key))
    except Wrong:
        return False


def rotation(note):
    """The log, the old and the new key of a change that both signed; none if it is something else."""
    try:
        text, _, lines = note.rpartition("\n\n")
        title, origin, old, new, _ = text.splitlines()
        keys = [Key(old), Key(new)]
        signatures = {}
        for line in lines.splitlines():
            _, name, signature = line.split(" ", 2)
            signature = base64.b64decode(signature, validate=True)
            signatures[(name, signature[:4].hex())] = signature[4:]
        signed = all(key.signed((text + "\n").encode(), signatures[(key.name, key.id)]) for key in keys)
        return (origin, *keys) if title == "candor-key-rotation" and signed else None
    except (ValueError, KeyError, IndexError):
        return None


def signers(files, artifacts, key):
    """The reader's key, and those that took over from it one by one, by changes that both signed. A key that only the bundle names isn't among them."""
    keys, origin = [key], None
    for place in artifacts:
        if place.startswith("state/audit-keys/"):
            content = strict(files[place])
            change = rotation(content["rotation"]) if isinstance(content.get("rotation"), str) else None
            if change and change[1].raw == keys[-1].raw and origin in (None, change[0]):
                origin = change[0]
                keys.append(change[2])
    return keys, origin


# --- the bundle ------------------------------------------------------------------------------------------------------------------------


def header(name, size):
    """The one header that a plain file of that name and size has in a bundle."""
    name, prefix = name.encode(), b""
    if len(name) > 100:
        prefix, _, name = name.rpartition(b"/")
    octal = lambda value, width: f"{value:0{width - 1}o}\0".encode()
    front = name.ljust(100, b"\0") + octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12)
    back = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + bytes(16) + prefix.ljust(155, b"\0") + bytes(12)
    return front + octal(sum(front) + sum(back) + 8 * ord(" "), 8) + back


def unpack(data):
    """The files, if the archive is exactly what an exporter writes: whatever else tar could say is refused."""
    files, size = {}, 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            must(member.isreg() and member.name not in files, f"{member.name} is no plain file, or stands twice")
            content = archive.extractfile(member).read()
            must(data[size : size + 512] == header(member.name, len(content)), f"{member.name} has another header than a plain file")
            size += 512 + len(content)
            must(not data[size : size + -size % 512].strip(b"\0"), f"there are stray bytes after {member.name}")
            size += -size % 512
            files[member.name] = content
    names = list(files)
    must(names[: len(FILES)] == FILES, "the files before the artifacts are not those of a bundle")
    must(data[size:] == bytes(1024), "there are stray bytes after the end, or it was cut off")
    return files, names[len(FILES) :]


def verify(data, key, copier=None):
    files, artifacts = unpack(data)
    digest = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = strict(files["manifest.json"])
    keys, followed = signers(files, artifacts, key)
    node = next((one for one in keys if is_head_of(files["checkpoint.txt"].decode(), one)), key)
    way = key.name if node is not key else None
    signer = (copier or node) if "derived" in manifest else node
    must(signed_manifest(files["manifest.dsse.json"], signer) == digest["manifest.json"], "the manifest isn't the one that was signed")
    must("derived" not in manifest or manifest["derived"]["by"] == signer.text, "it is a copy by somebody else")
    must(canonical(manifest).encode() == files["manifest.json"], "the manifest isn't canonical")
    for name in FILES[2:6]:
        must(manifest["files"][name] == digest[name], f"{name} isn't the file that the manifest names")
    sums = "".join(f"{digest[name]}  {name}\n" for name in FILES[:6] + artifacts)
    must(files["SHA256SUMS"] == sums.encode(), "SHA256SUMS doesn't list the files as they are")
    origin, size, head = signed_head(files["checkpoint.txt"].decode(), node)
    must(way is None or followed == origin, "the change of keys is of another log")
    log = manifest["log"]
    must((log["origin"], log["tree_size"], base64.b64decode(log["root"])) == (origin, size, head), "the manifest speaks of another head")

    # Each record's place in the tree: shown headers, and the roots of what isn't shown between them.
    lines = files["records.jsonl"].splitlines()
    records = [strict(line) for line in lines]
    shown = {record["index"]: (record, sha(b"\0", line)) for record, line in zip(records, lines)}
    must(len(shown) == len(records), "a record stands twice")
    must([record["index"] for record in records] == sorted(shown), "the records are out of order")
    pieces = [(index, 0, leaf) for index, (_, leaf) in shown.items()]
    for line in files["nodes.txt"].decode().splitlines():
        at, level, node = line.split(" ")
        pieces.append((int(at), int(level), base64.b64decode(node, validate=True)))
    stack, at = [], 0
    for start, level, node in sorted(pieces):
        must(start == at and start % (1 << level) == 0, f"record {at} is neither shown nor stood for")
        at += 1 << level
        stack.append((level, node))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0] and (at >> stack[-1][0]) % 2 == 0:
            (level, right), (_, left) = stack.pop(), stack.pop()
            stack.append((level + 1, sha(b"\1", left, right)))
    must(at == size, "the records don't reach the log's end")
    total = stack.pop()[1] if stack else sha()
    while stack:
        total = sha(b"\1", stack.pop()[1], total)
    must(total == head, "the records don't add up to the log's signed root")

    # Each artifact against its header.
    openings = [strict(line) for line in files["openings.jsonl"].splitlines()]
    entries = manifest["artifacts"]
    must([entry["ref"] for entry in entries] == artifacts, "the artifacts are not those that the manifest names")
    must([opening["index"] for opening in openings] == [entry["index"] for entry in entries], "the openings are not those of the artifacts")
    for entry, opening in zip(entries, openings):
        place, content = entry["ref"], files[entry["ref"]]
        must(digest[place] == entry["sha256"], f"{place}: its bytes are not those that the manifest names")
        must(entry["index"] in shown, f"{place}: its header isn't shown")
        record = shown[entry["index"]][0]
        must(record["ref"] == place and record["kind"] == entry["kind"], f"{place}: its header is of something else")
        must(place.startswith(f"state/{FOLDERS[entry['kind']]}/"), f"{place}: it is in another folder than its kind")
        value = strict(content)
        must(canonical(value).encode() == content, f"{place}: its bytes are not canonical")
        removed = [pointer for pointer, leaf in leaves(value)[0] if isinstance(leaf, dict) and leaf]
        named = entry.get("redacted", [])
        below = lambda place, pointer: place == pointer or place.startswith(pointer + "/")
        must(all(any(below(at, pointer) for pointer in named) for at in removed), f"{place}: more is removed than the manifest says")
        must(all(any(below(at, pointer) for at in removed) for pointer in named), f"{place}: less is removed than the manifest says")
        must(len(named) == len(set(named)), f"{place}: the manifest names a removed value twice")
        must(commitment(value, opening) == base64.b64decode(record["commit"]), f"{place}: its content is not what was recorded")

    # Nothing of what the bundle is about is left out between or after the shown records.
    selection = manifest["selection"]
    field = {"task": "task_id", "correlation": "correlation_id"}.get(selection["by"])
    def chosen(record):
        return record[field] == selection[field] if field else selection["from"] <= record["at"] <= selection["to"]

    context = {"profile", "capability", "pack", "key"}
    foreign = [entry["ref"] for entry in entries if not chosen(shown[entry["index"]][0]) and entry["kind"] not in context]
    must(not foreign, f"{foreign}: the bundle isn't about it")
    shipped = {entry["index"] for entry in entries} | {withheld["index"] for withheld in manifest["withheld"]}
    before = (0, None)
    for record in filter(chosen, records):
        must(record["index"] in shipped, f"{record['ref']}: the bundle is about it, and it isn't there")
        if field == "task_id":
            previous = base64.b64encode(before[1]).decode() if before[1] else None
            must((record["task_seq"], record["task_prev"]) == (before[0] + 1, previous), f"{record['ref']}: the task's record before it is missing")
            before = (record["task_seq"], shown[record["index"]][1])
    if selection["headers"] == "range" and records:
        run = [index for index in sorted(shown) if all(later in shown for later in range(index, size))]
        must(run and all(record["index"] >= run[0] for record in filter(chosen, records)), "it claims every header up to the log's end, and doesn't show them")
    return manifest, way


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        key = Key(sys.argv[2])
        copier = Key(sys.argv[3]) if len(sys.argv) == 4 else None
        with open(sys.argv[1], "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        print(f"couldn't be checked: {error}", file=sys.stderr)
        return 2
    try:
        manifest, way = verify(data, key, copier)
    except Wrong as wrong:
        print(f"not intact: {wrong}")
        return 1
    except (tarfile.TarError, struct.error, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError) as error:
        print(f"not intact: {type(error).__name__}: {error}")
        return 1
    print(f"intact: {manifest['count']} artifacts, log of {manifest['log']['tree_size']}, signed by {key.name}" + (" by way of changes of its key that both keys signed" if way else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
