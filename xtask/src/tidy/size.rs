//! How long a file may be. How long a function may be is clippy's `too_many_lines`, set in clippy.toml.

use super::tree::{Finding, Tree};

/// Longest file of code, in lines.
const FILE_LINES_MAX: usize = 600;

/// Code files within the limit.
pub(super) fn files(tree: &Tree) -> Vec<Finding> {
    let code = [".rs", ".js", ".ts", ".sql", ".sh", ".toml", ".css", ".html"];
    tree.all()
        .filter(|(name, _)| code.iter().any(|end| name.ends_with(end)))
        .filter_map(|(name, text)| {
            let lines = text.lines().count();
            (lines > FILE_LINES_MAX).then(|| {
                Finding::file(
                    name,
                    format!("{lines} lines are more than {FILE_LINES_MAX}; split it along a seam that has a name"),
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{FILE_LINES_MAX, Tree, files};

    #[test]
    fn a_long_file_is_found_and_one_at_the_limit_is_not() {
        let (fits, long) = ("//\n".repeat(FILE_LINES_MAX), "//\n".repeat(FILE_LINES_MAX + 1));
        let found = files(&Tree::of(&[("a.rs", &fits), ("b.rs", &long), ("Cargo.lock", &long)]));
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|finding| finding.file == "b.rs"));
    }
}
