//! The clock: wall time, and how it stands to a clock that nobody sets.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use candor_core::time::Timestamp;
use candor_path::ClockReading;
use rustix::time::{ClockId, clock_gettime};

/// Longest that reading both clocks may take. A process that was paused in between reads again: the pause is no jump.
const READ_MAX: Duration = Duration::from_millis(50);
/// How often both are read again at most.
const READS_MAX: usize = 5;

/// Where time comes from. Tests hand in another wall clock.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Which steady clock this is.
    steady: Arc<str>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { wall: Arc::new(system), steady: steady_name().into() }
    }
}

fn system() -> Timestamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    };
    Timestamp::from_micros(micros)
}

/// Microseconds of the steady clock: they count from the machine's start and stand still while it sleeps, so that a laptop that was
/// closed is a jump of the wall clock. The agents slept as well.
fn steady_micros() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000)
}

/// Names the steady clock: this start of this machine, and the container's time namespace where it has one of its own. Elsewhere than on
/// Linux, each process has a clock to itself.
fn steady_name() -> String {
    let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let space = std::fs::read_link("/proc/self/ns/time");
    match (start, space) {
        (Ok(start), Ok(space)) => format!("{} {}", start.trim(), space.display()),
        (Ok(start), Err(_)) => start.trim().to_owned(),
        (Err(_), _) => format!("process {} at {}", std::process::id(), system().as_micros()),
    }
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
            return Self { wall: Arc::new(wall), ..Self::default() };
        }
        Self::default()
    }

    /// Now, by the wall.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.wall)()
    }

    /// Now, and how the wall clock stands to the steady one.
    #[must_use]
    pub fn read(&self) -> (Timestamp, ClockReading) {
        let once = || {
            let before = steady_micros();
            let now = self.now();
            (now, before, steady_micros().saturating_sub(before))
        };
        let quick = |took: i64| u128::try_from(took).is_ok_and(|took| took <= READ_MAX.as_micros());
        let (mut now, mut steady, mut took) = once();
        for _ in 1..READS_MAX {
            if quick(took) {
                break;
            }
            (now, steady, took) = once();
        }
        let offset = now.as_micros().saturating_sub(steady);
        (now, ClockReading { steady: self.steady.to_string(), offset })
    }
}
