"""Holds the verdict on approval packages against Python's jsonschema: `cargo xtask independent` builds a package and runs this.

    independent_approval.py CANDOR STATE CONTRACT SCHEMA READINESS

CANDOR is the binary, STATE the folder in which a package was built, CONTRACT the contract's own schema, SCHEMA and READINESS those that ship.
A line per check; ends with 1 if one fails.
"""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import independent
from independent import check
from jsonschema import Draft202012Validator, ValidationError, validators

DOCUMENTS = 2500
RAW = ("@raw[", "]raw@")
NUMBERS = [
    "5.0", "50e-1", "0.0", "-0", "-0.0", "0e9", "1e400", "-1e400", "1e-400", "5.5", "-1", "100", "101", "1e2", "100.0", "100.5",
    "18446744073709551616", "-9223372036854775809", "9" * 400, "-" + "9" * 400, "5.0000000000000000001", "7.0", "2",
]  # fmt: skip
STRANGE = [
    None, True, False, "", [], {}, [None], "5", "blocked_by_policy", "\U0001f600\u0301", "sha256:" + "0" * 64, {"a": {"b": []}},
]  # fmt: skip


def ecma(validator, pattern, instance, schema):
    """In Python `$` also matches before a newline at the end; in ECMA-262, which JSON Schema goes by, it doesn't."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError("not of the form")


Ecma = validators.extend(Draft202012Validator, {"pattern": ecma})


def raw(text):
    return RAW[0] + text + RAW[1]


def strange(dice):
    more = [raw(dice.choice(NUMBERS)), raw('"\\ud800"'), raw("[" * 150 + "]" * 150)]
    return dice.choice([*STRANGE, *more])


def places(value, holder=None, key=None):
    """Every place of a document: what holds it, and under which key."""
    if holder is not None:
        yield holder, key
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in list(inner):
        yield from places(one, value, name)


def changed_text(text, dice):
    return dice.choice(
        [text + "\n", text.upper(), " " + text, text[1:], text + "0", text.replace("0", "\uff10"), text[:1], text.replace(":", "")]
    )


def change(document, dice):
    every = list(places(document))
    holder, key = dice.choice(every)
    other, their = dice.choice(every)
    value = holder[key]
    match dice.randrange(10):
        case 0:
            holder[key] = strange(dice)
        case 1 if isinstance(holder, dict):
            del holder[key]
        case 2 if isinstance(holder, dict):
            holder[str(key) + dice.choice(["s", " ", "\u200b"])] = holder.pop(key)
        case 3 if isinstance(value, dict):
            value["surprise"] = strange(dice)
        case 4 if isinstance(value, list):
            dice.choice([value.clear, value.reverse, lambda: value.append(strange(dice)), lambda: value.extend(value[:1])])()
        case 5:
            holder[key] = json.loads(json.dumps(other[their]))
        case 6 if isinstance(value, bool):
            holder[key] = dice.choice([not value, int(value), raw("1.0"), raw("0.0")])
        case _ if isinstance(value, bool):
            pass
        case _ if isinstance(value, str):
            holder[key] = value if value.startswith(RAW[0]) else changed_text(value, dice)
        case _ if isinstance(value, int):
            holder[key] = raw(dice.choice(NUMBERS))
        case _:
            holder[key] = strange(dice)


def text_of(document):
    text = json.dumps(document)
    return re.sub(
        '"' + re.escape(RAW[0]) + r"((?:[^\"\\]|\\.)*?)" + re.escape(RAW[1]) + '"',
        lambda found: json.loads('"' + found[1] + '"'),
        text,
    )


def refused(_):
    raise ValueError("no JSON")


def mutants(package):
    for seed in range(DOCUMENTS):
        dice, document = random.Random(seed), json.loads(json.dumps(package))
        for _ in range(dice.randrange(1, 4)):
            change(document, dice)
        yield text_of(document)
    yield from ["NaN", "{", "[]", "null", "1e400", '"x"', json.dumps(package), json.dumps(package, indent=3)]


def verdicts(candor, files):
    for start in range(0, len(files), 500):
        part = files[start : start + 500]
        told = subprocess.run(
            [candor, "approval", "validate", "--schema-only", "--json", *part], capture_output=True, text=True, check=False
        )
        yield from (json.loads(line)["valid"] for line in told.stdout.splitlines())


def theirs(schema, text):
    try:
        return Ecma(schema).is_valid(json.loads(text, parse_constant=refused))
    except ValueError:
        return False


def main():
    candor, state, *paths = sys.argv[1:]
    contract, schema, readiness = (json.loads(pathlib.Path(path).read_text()) for path in paths)
    Draft202012Validator.check_schema(schema)
    ask = [candor, "--state", state]
    shown = subprocess.run([*ask, "approval", "show", "--json"], capture_output=True, check=True, text=True).stdout
    package = json.loads(shown)
    check("jsonschema takes a built package by the contract", Ecma(contract).is_valid(package))
    before = subprocess.run([*ask, "readback", "readiness", "--dry-run", "--json"], capture_output=True, check=True, text=True).stdout
    check("and the stage before by its schema", Ecma(readiness).is_valid(json.loads(before)))
    check("and refuses that with a field more", not Ecma(readiness).is_valid(json.loads(before) | {"surprise": 1}))
    texts = list(mutants(package))
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for at, text in enumerate(texts):
            files.append(f"{folder}/{at}.json")
            pathlib.Path(files[-1]).write_text(text, encoding="utf-8", errors="surrogatepass")
        ours = list(verdicts(candor, files))
    by_contract = [theirs(contract, text) for text in texts]
    differing = [at for at, (one, other) in enumerate(zip(ours, by_contract, strict=True)) if one != other]
    for at in differing[:5]:
        print(f"differs: ours {ours[at]}, theirs {by_contract[at]}: {texts[at][:400]}", file=sys.stderr)
    check(f"candor's verdict is jsonschema's for {len(texts)} documents, {sum(by_contract)} of them valid", not differing)
    check("the schema that ships says the same", by_contract == [theirs(schema, text) for text in texts])
    return 1 if independent.failed else 0


if __name__ == "__main__":
    sys.exit(main())
