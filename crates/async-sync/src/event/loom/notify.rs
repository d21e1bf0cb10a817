//! Notifications under every interleaving of two or three threads.

use std::pin::pin;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::event::Notify;
use sync_core::model::{block_on, model};

/// A flag that is written and read without any ordering: the queue's lock gives it.
async fn raised(flag: &(AtomicBool, Notify)) {
    loop {
        let mut listen = pin!(flag.1.listen());
        listen.as_mut().enable();
        if flag.0.load(Ordering::Relaxed) {
            return;
        }
        listen.await;
    }
}

fn nothing_is_lost(tell: fn(&Notify)) {
    model(move || {
        let flag = Arc::new((AtomicBool::new(false), Notify::new()));
        let raiser = {
            let flag = Arc::clone(&flag);
            thread::spawn(move || {
                flag.0.store(true, Ordering::Relaxed);
                tell(&flag.1);
            })
        };
        block_on(raised(&flag));
        raiser.join().unwrap();
        assert_eq!(flag.1.waiters(), 0);
    });
}

#[test]
fn a_listener_that_looks_loses_nothing() {
    nothing_is_lost(|notify| {
        notify.notify(1);
    });
}

#[test]
fn a_listener_that_looks_loses_nothing_of_notify_all() {
    nothing_is_lost(Notify::notify_all);
}

/// One of two listeners finds what it wants and leaves; its notification goes to the other.
#[test]
fn cancel_against_notify() {
    model(|| {
        let flag = Arc::new((AtomicBool::new(false), Notify::new()));
        let leaver = {
            let flag = Arc::clone(&flag);
            thread::spawn(move || {
                let mut listen = pin!(flag.1.listen());
                if listen.as_mut().enable() {
                    flag.1.notify(1); // used up: on to the next
                }
            })
        };
        let waiter = {
            let flag = Arc::clone(&flag);
            thread::spawn(move || block_on(raised(&flag)))
        };
        flag.0.store(true, Ordering::Relaxed);
        flag.1.notify(1);
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(flag.1.waiters(), 0);
    });
}
