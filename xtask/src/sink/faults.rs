//! How the sink misbehaves. What befalls a notice follows from its key alone, so a run can be repeated.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// Faults, all off unless asked for.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Faults {
    /// Answer so many milliseconds late.
    #[arg(long, default_value_t = 0)]
    pub(crate) delay_ms: u64,
    /// Only this share of notices is answered late, in percent.
    #[arg(long, default_value_t = 100)]
    pub(crate) delay_pct: u8,
    /// The first so many attempts of each notice fail.
    #[arg(long, default_value_t = 0)]
    pub(crate) fail_first: u32,
    /// Status of those.
    #[arg(long, default_value_t = 500)]
    pub(crate) fail_status: u16,
    /// `Retry-After` of those.
    #[arg(long)]
    pub(crate) retry_after: Option<String>,
    /// For this share of notices, in percent, the first attempt is read to its end and the connection closed without an answer.
    #[arg(long, default_value_t = 0)]
    pub(crate) close_after_body: u8,
}

impl Default for Faults {
    fn default() -> Self {
        Self { delay_ms: 0, delay_pct: 100, fail_first: 0, fail_status: 500, retry_after: None, close_after_body: 0 }
    }
}

impl Faults {
    /// The status of an attempt, counted from 1; 0 closes the connection without an answer.
    pub(super) fn status(&self, key: &str, marks: &[u64], attempt: u32) -> u16 {
        if attempt <= self.fail_first {
            return self.fail_status;
        }
        let ambiguous = attempt == self.fail_first + 1 && share("close", key, marks) < u64::from(self.close_after_body);
        if ambiguous { 0 } else { 200 }
    }

    /// How long this notice's answer is held back.
    pub(super) fn wait(&self, key: &str, marks: &[u64]) -> Duration {
        let late = self.delay_ms > 0 && share("delay", key, marks) < u64::from(self.delay_pct);
        Duration::from_millis(if late { self.delay_ms } else { 0 })
    }

    /// The answer's bytes.
    pub(super) fn answer(&self, status: u16) -> String {
        let wait = match &self.retry_after {
            Some(wait) if status != 200 => format!("Retry-After: {wait}\r\n"),
            _ => String::new(),
        };
        format!("HTTP/1.1 {status} said\r\n{wait}Content-Length: 0\r\n\r\n")
    }
}

/// A number below 100 that belongs to this notice and fault.
fn share(fault: &str, key: &str, marks: &[u64]) -> u64 {
    // `DefaultHasher::new` has fixed keys: the same in each run of one toolchain.
    let mut hasher = DefaultHasher::new();
    (fault, key, marks).hash(&mut hasher);
    hasher.finish() % 100
}

#[cfg(test)]
mod tests {
    use super::Faults;

    #[test]
    fn a_share_is_about_as_large_as_asked() {
        let faults = Faults { close_after_body: 20, ..Faults::default() };
        let closed = (0..1_000).filter(|n| faults.status(&format!("n-{n}"), &[], 1) == 0).count();
        assert!((150..250).contains(&closed), "{closed} of 1000");
        let again = (0..1_000).filter(|n| faults.status(&format!("n-{n}"), &[], 2) == 0).count();
        assert_eq!(again, 0, "only a first attempt is ambiguous");
    }
}
