//! SPEC A4: a primitive is used in place.

use async_sync::{Mutex, RawMutex, RawWaitGroup, Semaphore, WaitGroup};

fn main() {
    let _ = Mutex::new(1).clone();
    let _ = RawMutex::<async_sync::mutex::Fifo>::new().clone();
    let _ = Semaphore::new(1).clone();
    let _ = WaitGroup::new().clone();
    let _ = RawWaitGroup::new().clone();
}
