//! Contents are held against their headers on the machine's other cores, while a bundle is read.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use candor_audit::bundle::{
    hands::{Hands, Opened},
    verdict::Finding,
};

/// Most threads.
const THREADS_MAX: usize = 8;
/// Contents are handed over when so many bytes of them are there: more than a hand-over costs, and little to hold.
const BATCH_BYTES: usize = 128 * 1024;
/// Batches that may wait.
const BATCHES_WAITING_MAX: usize = 4;

/// The first finding so far, by place in the log.
type First = Arc<(AtomicBool, Mutex<Option<(u64, Finding)>>)>;

/// Threads that live as long as one check.
pub(super) struct Threads {
    to_them: Option<SyncSender<Vec<Opened>>>,
    threads: Vec<JoinHandle<()>>,
    first: First,
    batch: Vec<Opened>,
    bytes: usize,
}

impl Threads {
    pub(super) fn start() -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let (to_them, inbox) = sync_channel(BATCHES_WAITING_MAX);
        let (inbox, first) = (Arc::new(Mutex::new(inbox)), First::default());
        let threads = (0..count).map(|_| {
            let (inbox, first) = (Arc::clone(&inbox), Arc::clone(&first));
            std::thread::spawn(move || work(&inbox, &first))
        });
        Self { to_them: Some(to_them), threads: threads.collect(), first, batch: Vec::new(), bytes: 0 }
    }

    fn hand_over(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if let Some(Err(lost)) = self.to_them.as_ref().map(|to_them| to_them.send(batch)) {
            // Nobody is left to do it.
            check(lost.0, &self.first);
        }
    }
}

fn work(inbox: &Mutex<Receiver<Vec<Opened>>>, first: &First) {
    loop {
        let batch = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return };
        check(batch, first);
    }
}

fn check(batch: Vec<Opened>, first: &First) {
    for opened in batch {
        let Err(finding) = opened.check() else { continue };
        let mut known = first.1.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|(index, _)| opened.index < *index) {
            *known = Some((opened.index, finding));
        }
        first.0.store(true, Ordering::Release);
        // What comes after it in this batch is later in the log.
        return;
    }
}

impl Hands for Threads {
    fn take(&mut self, opened: Opened) -> bool {
        self.bytes += opened.bytes();
        self.batch.push(opened);
        if self.bytes >= BATCH_BYTES {
            self.hand_over();
        }
        !self.first.0.load(Ordering::Acquire)
    }

    fn wait(&mut self) -> Result<(), Finding> {
        self.hand_over();
        self.to_them = None;
        let ended: Vec<_> = self.threads.drain(..).map(JoinHandle::join).collect();
        let found = self.first.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        match found {
            Some((_, finding)) => Err(finding),
            // A thread that broke down has checked nothing.
            None if ended.iter().any(Result::is_err) => Err(Finding::new(
                candor_audit::bundle::verdict::Class::Damaged,
                "the archive",
                "the check of a content broke down; this is a defect of Candor",
            )),
            None => Ok(()),
        }
    }
}
