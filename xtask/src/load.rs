//! Load: closed loop (so many callers, each waits for its answer) and open loop (one is due every so often, whatever the answers do).

use std::{
    future::Future,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::http::now_us;

/// One notice that was handed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Its mark.
    pub(crate) mark: u64,
    /// When it was due, in microseconds since the Unix epoch; in a closed loop when it was sent.
    pub(crate) due_us: i64,
    /// When its acceptance was answered; none where it failed or no answer came.
    pub(crate) accepted_us: Option<i64>,
}

/// Somebody who hands in notices one after another, over a connection of their own.
pub(crate) trait Caller: Send + 'static {
    /// Hands in the notice of this mark and returns when it is accepted durably.
    fn hand_in(&mut self, mark: u64) -> impl Future<Output = io::Result<()>> + Send;
}

/// Every caller takes the next mark as soon as its last one is answered.
pub(crate) async fn closed<C: Caller>(callers: Vec<C>, marks: std::ops::Range<u64>) -> Vec<Sample> {
    let next = Arc::new(AtomicU64::new(marks.start));
    let end = marks.end;
    let work = callers.into_iter().map(|mut caller| {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            let mut samples = Vec::new();
            loop {
                let mark = next.fetch_add(1, Ordering::Relaxed);
                if mark >= end {
                    return samples;
                }
                let due_us = now_us();
                let accepted_us = caller.hand_in(mark).await.is_ok().then(now_us);
                samples.push(Sample { mark, due_us, accepted_us });
            }
        })
    });
    let mut samples = Vec::new();
    for task in work.collect::<Vec<_>>() {
        samples.extend(task.await.unwrap_or_default());
    }
    samples
}

/// One mark is due every `1 / per_second`; it goes to a caller that is free, and waits for one where all are busy, which counts as
/// latency, because time counts from when it was due.
pub(crate) async fn open<C: Caller>(callers: Vec<C>, marks: std::ops::Range<u64>, per_second: f64) -> Vec<Sample> {
    let free = Arc::new(Mutex::new(callers));
    let samples = Arc::new(Mutex::new(Vec::new()));
    let (start, start_us) = (Instant::now(), now_us());
    let mut tasks = Vec::new();
    for (nth, mark) in (0_u32..).zip(marks) {
        let offset = Duration::from_secs_f64(f64::from(nth) / per_second);
        sleep_until(start + offset).await;
        let due_us = start_us + i64::try_from(offset.as_micros()).unwrap_or(i64::MAX);
        let (free, samples) = (Arc::clone(&free), Arc::clone(&samples));
        tasks.push(tokio::spawn(async move {
            let mut caller = loop {
                let taken = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
                match taken {
                    Some(caller) => break caller,
                    None => tokio::time::sleep(Duration::from_micros(200)).await,
                }
            };
            let accepted_us = caller.hand_in(mark).await.is_ok().then(now_us);
            free.lock().unwrap_or_else(PoisonError::into_inner).push(caller);
            let sample = Sample { mark, due_us, accepted_us };
            samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        }));
    }
    for task in tasks {
        let _ = task.await;
    }
    let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *samples)
}
