//! What a sink saw, in memory and in a file.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::shell::{TaskError, Trying};

/// One notice in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// When its body was complete, in microseconds since the Unix epoch.
    pub(crate) at_us: i64,
    /// Its `webhook-id`, `-` without one.
    pub(crate) key: String,
    /// The number that its maker put into its text.
    pub(crate) mark: Option<u64>,
    /// What was answered; 0 where the connection was closed instead.
    pub(crate) status: u16,
}

#[derive(Default)]
struct Inner {
    sights: Vec<Sight>,
    attempts: HashMap<String, u32>,
    file: Option<BufWriter<File>>,
}

/// The log of one sink.
pub(crate) struct Log(Mutex<Inner>);

impl Log {
    /// An empty log, with a file beside it where one is named.
    pub(super) fn new(file: Option<PathBuf>) -> Result<Self, TaskError> {
        let file = match file {
            None => None,
            Some(path) => {
                Some(BufWriter::new(File::create(&path).trying(format!("cannot write `{}`", path.display()))?))
            }
        };
        Ok(Self(Mutex::new(Inner { file, ..Inner::default() })))
    }

    /// A panic in another thread leaves the list as it was, so it is still good.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a request down under the status that `decide` gives to its attempt, and returns that.
    pub(super) fn take(&self, at_us: i64, key: &str, marks: &[u64], decide: impl FnOnce(u32) -> u16) -> u16 {
        let mut inner = self.inner();
        let name = match (key, marks.first()) {
            ("-", Some(mark)) => mark.to_string(),
            _ => key.to_owned(),
        };
        let attempt = inner.attempts.entry(name).or_insert(0);
        *attempt += 1;
        let status = decide(*attempt);
        let marks: Vec<Option<u64>> =
            if marks.is_empty() { vec![None] } else { marks.iter().copied().map(Some).collect() };
        for mark in marks {
            let sight = Sight { at_us, key: key.to_owned(), mark, status };
            if let Some(file) = &mut inner.file {
                let mark = mark.map_or_else(|| "-".to_owned(), |mark| mark.to_string());
                let _ = writeln!(file, "{at_us} {key} {mark} {status}");
            }
            inner.sights.push(sight);
        }
        status
    }

    /// Writes what the file still lacks.
    pub(super) fn flush(&self) {
        if let Some(file) = &mut self.inner().file {
            let _ = file.flush();
        }
    }

    /// Everything seen so far, in order.
    pub(crate) fn sights(&self) -> Vec<Sight> {
        self.inner().sights.clone()
    }

    /// How many lines there are.
    pub(crate) fn requests(&self) -> usize {
        self.inner().sights.len()
    }

    /// How many different notices there are.
    pub(crate) fn keys(&self) -> usize {
        self.inner().attempts.len()
    }

    /// Forgets everything, between two parts of a bench.
    pub(crate) fn clear(&self) {
        let mut inner = self.inner();
        inner.sights.clear();
        inner.attempts.clear();
    }
}
