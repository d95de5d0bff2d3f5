//! What every store does. A new store adds one module to `suite!`.

mod approvals;
mod beats;
mod due;
mod listings;
mod log;
pub mod prune;
mod rows;
mod transactions;

use candor_path::View;
use candor_store::Store;

use crate::fixtures::*;

macro_rules! suite {
    ($($name:ident)+) => {
        mod memory {
            use candor_store::memory::Memory;
            $(#[test] fn $name() { super::$name(&mut Memory::new(7)); })+
        }
        mod sqlite {
            use crate::fixtures::Place;
            $(#[test] fn $name() { let place = Place::new(); super::$name(&mut place.open()); })+
        }
    };
}
use suite;

fn read<S: Store, T>(store: &mut S, read: impl FnOnce(&dyn View) -> T) -> T {
    read(&store.begin().unwrap())
}

fn seen_at<S: Store>(store: &mut S, task: &str) -> (candor_core::time::Timestamp, u64) {
    let task = read(store, |view| view.task(&task_id(task)).unwrap().unwrap());
    (task.seen_at, task.checkpoints)
}
