//! The project's files as git sees them, so that what is ignored is not judged.

use std::{collections::BTreeMap, fmt, path::Path, process::Command};

use crate::shell::{TaskError, Trying, failed, root};

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, from the project's folder.
    pub(crate) file: String,
    /// The line, from 1; 0 for the whole file.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl Finding {
    /// About a file.
    pub(crate) fn file(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, what: what.into() }
    }

    /// About a line.
    pub(crate) fn line(file: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.into(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// Text files by their path from the project's folder, with `/` between folders.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Tracked files, and new ones that nobody ignores.
    pub(crate) fn of_project() -> Result<Self, TaskError> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root())
            .output()
            .trying("cannot run `git ls-files`")?;
        if !listed.status.success() {
            return failed("`git ls-files` failed: run this in a clone");
        }
        let mut files = BTreeMap::new();
        for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
            // What isn't UTF-8 is test data, and what can't be read was deleted a moment ago.
            if let Ok(text) = std::fs::read_to_string(root().join(name)) {
                files.insert(name.to_owned(), text);
            }
        }
        Ok(Self { files })
    }

    /// For tests of the rules.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect() }
    }

    /// All files.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Files whose name ends so.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.all().filter(move |(name, _)| name.ends_with(end))
    }

    /// Files below a folder (given with its closing `/`), with the rest of their name.
    pub(crate) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.all().filter_map(move |(name, text)| Some((name.strip_prefix(folder)?, text)))
    }

    /// Folders right below a folder (given with its closing `/`), each once.
    pub(crate) fn folders(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.below(folder).filter_map(|(rest, _)| Some(rest.split_once('/')?.0.to_owned())).collect();
        names.dedup();
        names
    }

    /// A file's text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        let folder = format!("{}/", name.trim_end_matches('/'));
        self.files.contains_key(name)
            || self.files.range(folder.clone()..).next().is_some_and(|(next, _)| next.starts_with(&folder))
            || root().join(name).is_file()
    }
}

/// Resolves `.` and `..` in a path with `/`; none where it leaves the project.
pub(crate) fn resolved(folder: &Path, link: &str) -> Option<String> {
    let mut parts: Vec<String> = folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part.to_owned()),
        }
    }
    Some(parts.join("/"))
}
