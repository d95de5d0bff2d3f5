//! The clock: wall time, and how far it jumped against steady time.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use candor_core::time::Timestamp;

/// A wall clock may differ this much from the steady one, per look, before it counts as a jump. Slewing stays far below it.
pub const JUMP_MIN: Duration = Duration::from_secs(2);

/// Where time comes from. Tests hand in another wall clock.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { wall: Arc::new(system) }
    }
}

fn system() -> Timestamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    };
    Timestamp::from_micros(micros)
}

impl Clock {
    /// The system's clock, moved by the whole seconds in `CANDOR_CLOCK_OFFSET_FILE` when that is set: how tests make it jump.
    #[must_use]
    pub fn from_env() -> Self {
        #[cfg(feature = "crash-points")]
        if let Some(path) = std::env::var_os("CANDOR_CLOCK_OFFSET_FILE") {
            let wall = move || {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                system().shifted(text.trim().parse::<i64>().unwrap_or(0).saturating_mul(1_000_000))
            };
            return Self { wall: Arc::new(wall) };
        }
        Self::default()
    }

    /// Now, by the wall.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.wall)()
    }
}

/// Compares wall time with steady time between two looks.
pub struct JumpWatch {
    wall: Timestamp,
    steady: Instant,
}

impl JumpWatch {
    /// Starts comparing.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        Self { wall, steady: Instant::now() }
    }

    /// By how many microseconds the wall clock jumped since the last look, if it did.
    pub fn look(&mut self, wall: Timestamp) -> Option<i64> {
        let steady = Instant::now();
        let went = i64::try_from(steady.duration_since(self.steady).as_micros()).unwrap_or(i64::MAX);
        let jumped = wall.as_micros().saturating_sub(self.wall.as_micros()).saturating_sub(went);
        (self.wall, self.steady) = (wall, steady);
        let least = i64::try_from(JUMP_MIN.as_micros()).unwrap_or(i64::MAX);
        (jumped.abs() >= least).then_some(jumped)
    }
}
