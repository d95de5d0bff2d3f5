# Short names for what the README and docs spell out. `just --list` shows them.

# All that is checked before a change is taken.
ci:
    .ci/run

# The tests, installing what they need.
test:
    cargo xtask test

# The chain in seconds.
demo:
    cargo run --release -- demo

# Every figure of docs/performance.md, beside its bar and its peers.
bench *args:
    cargo xtask bench {{args}}

# `kill -9` of the real process.
crash kills="100" seed="1":
    cargo xtask crash --kills {{kills}} --seed {{seed}}

# The simulator, over seeds.
sim *args:
    cargo xtask sim {{args}}

# Random input for one parser of outside bytes; needs cargo-fuzz. `just fuzz event 60`
fuzz target seconds="60":
    cargo xtask fuzz {{target}} --seconds {{seconds}}

# What may come in with the dependencies; needs cargo-deny.
deny:
    cargo deny check
