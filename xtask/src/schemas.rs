//! `cargo xtask schemas`: writes schemas/ from the types, so that editors and other programs check what Candor reads and records.
//!
//! A test holds them against the types (`crates/candor/tests/it/schemas.rs`); this is that test told to write. So they are made in the
//! build that the tests have anyway.

use crate::{
    shell::{TaskError, cargo, show},
    test::CRASH_POINTS,
};

/// What tells the test to write.
const WRITE: &str = "CANDOR_WRITE_SCHEMAS";
/// The test.
const NAME: &str = "schemas::the_schemas_are_those_of_the_types";

/// Writes every schema that differs.
pub(crate) fn run() -> Result<bool, TaskError> {
    let mut command = cargo(&["test", "--quiet", "--workspace", "--features", CRASH_POINTS, "--test", "it", NAME]);
    show(command.env(WRITE, "1"))
}
