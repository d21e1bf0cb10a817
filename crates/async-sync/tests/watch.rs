//! The watch, polled by hand: every transition of `watch/mod.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::Watch;
use async_sync::watch::{self, Closed};
use support::{Polled, Task, queued};

#[test]
fn the_last_value_is_there() {
    let watch = Watch::new(1);
    let one = watch.load();
    watch.store(2);
    assert_eq!((*one, *watch.load()), (1, 2));
    assert_eq!((*watch.swap(3), *watch.load()), (2, 3));
    let four = Arc::new(4);
    watch.swap_arc(Arc::clone(&four));
    assert!(Arc::ptr_eq(&watch.load(), &four));
    assert_eq!(watch.version(), 3);
    assert_eq!(*watch.update(|n| n + 1), 5);
    assert_eq!(Watch::<u8>::default().load(), Watch::from(0).load());
    assert_eq!(
        format!("{watch:?}"),
        "Watch { version: 4, closed: false, waiters: 0, .. }"
    );
}

#[test]
fn compare_and_swap_is_about_the_same_arc() {
    let watch = Watch::new(1);
    let one = watch.load();
    let mut rx = watch.subscribe();
    let error = watch.compare_and_swap(&Arc::new(1), 2).unwrap_err();
    assert_eq!((error.new, *error.current), (2, 1));
    assert_eq!(error.to_string(), "another value was stored meanwhile");
    assert!(!rx.has_changed(), "nothing was stored");
    assert!(Arc::ptr_eq(&watch.compare_and_swap(&one, 2).unwrap(), &one));
    assert_eq!(*rx.borrow(), 2);
    assert_eq!(watch.compare_and_swap(&one, 3).unwrap_err().new, 3);
}

#[test]
fn changes_wake_whoever_waits() {
    let watch = Arc::new(Watch::new(0));
    // More than one batch of wake-ups.
    let mut receivers: Vec<_> = (0..40).map(|_| watch.subscribe_owned()).collect();
    let mut waits: Vec<_> = receivers
        .iter_mut()
        .map(|rx| queued(rx.changed()))
        .collect();
    assert_eq!(watch.waiters(), 40);
    let gone = waits.swap_remove(3);
    let task = gone.task.clone();
    drop(gone);
    assert_eq!((task.kept(), watch.waiters()), (0, 39));
    watch.store(1);
    watch.store(2); // before anybody looks
    drop(waits.pop()); // woken, and never polled again
    for wait in &mut waits {
        assert_eq!(wait.task.woken(), 1);
        assert_eq!(wait.ready(), Ok(&2));
    }
    drop(waits);
    let unseen = receivers.iter().filter(|rx| rx.has_changed()).count();
    assert_eq!(unseen, 2, "the change is not lost on those who left");
    for rx in &mut receivers {
        assert_eq!(*rx.borrow(), 2);
        drop(rx.changed()); // never polled
        queued(rx.changed()).pending();
    }
    assert_eq!(watch.waiters(), 0);
}

#[test]
fn what_was_stored_before_the_wait_is_a_change() {
    let watch = Watch::new(0);
    let mut rx = watch.subscribe();
    watch.store(1);
    assert!(rx.has_changed());
    assert_eq!((**rx.seen(), rx.has_changed()), (0, true));
    assert_eq!(Polled::new(rx.changed()).ready(), Ok(&1));
    assert!(!rx.has_changed());
    let mut clone = rx.clone();
    queued(clone.changed());
    watch.store(2);
    assert_eq!((*clone.load(), rx.has_changed()), (2, true));
    assert_eq!(*rx.borrow(), 2);
    queued(rx.changed());
    rx.mark_changed();
    assert!(rx.has_changed());
    assert_eq!(Polled::new(rx.changed()).ready(), Ok(&2));
    queued(rx.changed());
    rx.mark_changed();
    assert_eq!((*rx.borrow(), rx.has_changed()), (2, false));
}

#[test]
fn a_reference_keeps_nobody_from_storing() {
    let (tx, mut rx) = watch::channel(String::from("a"));
    let mut other = tx.subscribe();
    let a = rx.borrow();
    tx.store("b".into());
    tx.send_modify(|value| value.push('c'));
    assert_eq!(other.borrow(), "bc");
    assert_eq!(a, "a");
    assert_eq!(rx.borrow(), "bc");
}

#[test]
fn values_are_dropped_when_nobody_has_them() {
    let watch = Watch::new(Arc::new(0));
    let first = Arc::clone(&watch.load());
    let mut rx = watch.subscribe();
    watch.store(Arc::new(1));
    assert_eq!(Arc::strong_count(&first), 2, "the receiver has it");
    rx.borrow();
    assert_eq!(Arc::strong_count(&first), 1);
}

#[test]
fn the_last_sender_closes() {
    let (tx, mut rx) = watch::channel(0);
    let also = tx.clone();
    assert_eq!((tx.receivers(), tx.subscribe().has_changed()), (1, false));
    let mut waiting = tx.subscribe();
    let mut wait = queued(waiting.changed());
    drop(tx);
    assert!(!wait.woken() && !also.clone().subscribe().is_closed());
    also.store(1);
    drop(also);
    assert!(wait.woken() && rx.is_closed());
    assert_eq!(wait.ready(), Ok(&1), "the last value comes before the end");
    drop(wait);
    for rx in [&mut rx, &mut waiting] {
        let unseen = rx.has_changed();
        assert_eq!(Polled::new(rx.changed()).ready().is_ok(), unseen);
        assert_eq!(Polled::new(rx.changed()).ready(), Err(Closed));
        assert_eq!(rx.changed_blocking(), Err(Closed));
        assert_eq!(*rx.borrow(), 1);
        rx.mark_changed();
        assert_eq!(rx.changed_blocking(), Ok(&1));
    }
    assert_eq!(Closed.to_string(), "the watch is closed");
    let (tx, mut rx) = watch::channel(0);
    let mut wait = queued(rx.changed());
    drop(tx);
    assert!(wait.woken());
    assert_eq!(wait.ready(), Err(Closed));
}

#[test]
fn wait_for_looks_at_what_is_there_first() {
    let (tx, mut rx) = watch::channel(0);
    assert_eq!(Polled::new(rx.wait_for(|n| *n == 0)).ready(), Ok(&0));
    let asked = AtomicUsize::new(0);
    let mut wait = queued(rx.wait_for(|n| {
        asked.fetch_add(1, Ordering::Relaxed);
        *n == 3
    }));
    wait.pending(); // spurious
    tx.store(1);
    assert!(wait.woken());
    wait.pending();
    tx.store(2);
    tx.store(3);
    assert!(wait.woken());
    assert_eq!(wait.ready(), Ok(&3));
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    drop(wait);
    let mut never = queued(rx.wait_for(|_| false));
    assert_eq!(tx.waiters(), 1);
    tx.store(4);
    drop(tx);
    assert_eq!(never.ready(), Err(Closed));
    drop(never);
    assert_eq!(rx.wait_for_blocking(|n| *n == 4), Ok(&4));
    let late = rx.wait_for_blocking(|n| *n == 5);
    assert_eq!(late, Err(Closed));
}

#[test]
fn a_predicate_may_panic() {
    let (tx, mut rx) = watch::channel(0);
    let mut wait = queued(rx.wait_for(|n| {
        if *n == 1 {
            std::panic::resume_unwind(Box::new("one"));
        }
        *n == 2
    }));
    tx.store(1);
    let payload = catch_unwind(AssertUnwindSafe(|| wait.poll().is_ready())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"one"));
    tx.store(2);
    assert_eq!(wait.ready(), Ok(&2), "it may even be polled again");
}

#[test]
fn modifying() {
    let watch = Watch::new(vec![1]);
    let mut rx = watch.subscribe();
    watch.send_modify(|list| list.push(2));
    assert_eq!(*rx.borrow(), [1, 2]);
    assert!(!watch.send_if_modified(|list| {
        list.push(3);
        false
    }));
    assert!(!rx.has_changed());
    assert!(watch.send_if_modified(|list| list.pop().is_some()));
    assert_eq!(*rx.borrow(), [1]);
    // It may use the watch, which changes under its hands: it is asked again.
    let mut asked = 0;
    watch.send_modify(|list| {
        asked += 1;
        if asked == 1 {
            watch.store(vec![7]);
        }
        list.push(8);
    });
    assert_eq!((asked, rx.borrow()), (2, &vec![7, 8]));
    let payload = catch_unwind(AssertUnwindSafe(|| {
        watch.send_modify(|_| std::panic::resume_unwind(Box::new("no")));
    }));
    assert!(payload.is_err() && !rx.has_changed());
    let mut updates = 0;
    watch.update(|list| {
        updates += 1;
        if updates == 1 {
            watch.store(vec![9]);
        }
        vec![list[0], list[0]]
    });
    assert_eq!((updates, rx.borrow()), (2, &vec![9, 9]));
}

#[test]
fn the_last_waker_is_the_one_that_counts() {
    let watch = Watch::new(0);
    let mut rx = watch.subscribe();
    let mut wait = queued(rx.changed());
    let old = std::mem::replace(&mut wait.task, Task::new());
    wait.pending();
    assert_eq!(old.kept(), 0);
    watch.store(1);
    assert_eq!((old.woken(), wait.task.woken()), (0, 1));
    wait.ready().unwrap();
}

#[test]
fn a_completed_future_is_not_polled() {
    let (tx, mut rx) = watch::channel(0);
    let text = |f: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        match panic.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => panic.downcast_ref::<String>().unwrap().clone(),
        }
    };
    let expected = "a future was polled after it had completed";
    tx.store(1);
    let mut wait = Polled::new(rx.changed());
    wait.ready().unwrap();
    assert_eq!(text(&mut || wait.pending_or_ready()), expected);
    drop(wait);
    let mut wait = Polled::new(rx.wait_for(|_| true));
    wait.ready().unwrap();
    assert_eq!(text(&mut || wait.pending_or_ready()), expected);
    drop(wait);
    drop(tx);
    let mut wait = Polled::new(rx.changed());
    wait.ready().unwrap_err();
    assert_eq!(text(&mut || wait.pending_or_ready()), expected);
    drop(wait);
    let mut wait = Polled::new(rx.wait_for(|_| false));
    wait.ready().unwrap_err();
    assert_eq!(text(&mut || wait.pending_or_ready()), expected);
}

#[cfg(feature = "stream")]
#[test]
fn a_stream_of_changes() {
    use futures::StreamExt;
    use futures::stream::FusedStream;
    let (tx, mut rx) = watch::channel(0);
    rx.mark_changed();
    let mut updates = Box::pin(rx.into_stream());
    assert_eq!(*Polled::new(updates.next()).ready().unwrap(), 0);
    queued(updates.next()).pending();
    tx.store(1);
    tx.store(2);
    assert_eq!(*Polled::new(updates.next()).ready().unwrap(), 2);
    let mut next = queued(updates.next());
    assert_eq!((tx.receivers(), tx.waiters()), (1, 1));
    tx.store(3);
    drop(tx);
    assert!(next.woken());
    assert_eq!(*next.ready().unwrap(), 3);
    drop(next);
    assert!(!updates.is_terminated());
    assert_eq!(Polled::new(updates.next()).ready(), None);
    assert_eq!(Polled::new(updates.next()).ready(), None);
    assert!(updates.is_terminated());
}

/// Every receiver sees the last value, and values only in the order in which they were stored.
#[test]
fn threads() {
    let (rounds, each) = if cfg!(miri) { (3, 10) } else { (100, 100) };
    for _ in 0..rounds {
        let (tx, rx) = watch::channel(0_u32);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let mut rx = rx.clone();
                scope.spawn(move || {
                    let mut last = 0;
                    while let Ok(value) = rx.changed_blocking() {
                        assert!(*value > last);
                        last = *value;
                    }
                    assert_eq!((last, *rx.borrow()), (2 * each, 2 * each));
                });
            }
            for _ in 0..2 {
                let tx = tx.clone();
                scope.spawn(move || {
                    for _ in 0..each {
                        tx.update(|n| n + 1);
                    }
                });
            }
            drop(tx);
        });
        assert!(rx.is_closed());
    }
}

#[test]
fn debug_shows_the_state() {
    let (tx, mut rx) = watch::channel(0);
    assert!(format!("{tx:?}").starts_with("Sender(Watch {"));
    assert_eq!(
        format!("{rx:?}"),
        "Receiver { changed: false, closed: false, .. }"
    );
    assert!(format!("{:?}", rx.changed()).starts_with("Changed("));
    assert!(format!("{:?}", rx.wait_for(|_| true)).starts_with("WaitFor {"));
}
