//! The events, polled by hand: every transition of `event/manual.rs` and `event/raw.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::{AutoEvent, Event, Notify};
use support::{Polled, Task, VirtualTime, queued};

#[test]
fn a_manual_event_lets_all_pass_until_it_is_reset() {
    let event = Event::new();
    assert!(!event.is_set() && !event.try_wait() && !event.reset());
    let mut waiters: Vec<_> = (0..40).map(|_| queued(event.wait())).collect();
    event.set();
    event.set();
    for waiter in &mut waiters {
        assert_eq!(waiter.task.woken(), 1);
        waiter.ready();
    }
    Polled::new(event.wait()).ready();
    event.wait_blocking();
    assert!(event.is_set() && event.try_wait());
    assert!(event.reset());
    queued(event.wait()).pending();
    assert_eq!(event.waiters(), 0);
    Polled::new(Event::new_set().wait()).ready();
    assert_eq!(format!("{event:?}"), "Event { set: false, waiters: 0 }");
}

#[test]
fn a_reset_that_follows_keeps_nobody_back_that_was_released() {
    let event = Arc::new(Event::new());
    let mut before = queued(Arc::clone(&event).wait_owned());
    event.set();
    event.reset();
    let mut after = queued(event.wait());
    assert!(before.woken());
    before.ready();
    assert!(!after.woken());
    after.pending();
    event.set();
    assert!(after.woken());
    drop(after); // released, and dropped
    assert_eq!(event.waiters(), 0);
}

#[test]
fn a_manual_event_forgets_who_leaves() {
    let event = Event::new();
    drop(event.wait());
    let leaves = queued(event.wait());
    let task = leaves.task.clone();
    drop(leaves);
    assert_eq!((task.kept(), event.waiters()), (0, 0));
    let mut stays = queued(event.wait());
    let old = std::mem::replace(&mut stays.task, Task::new());
    stays.pending();
    event.set();
    assert_eq!((old.woken(), stays.task.woken()), (0, 1));
    stays.ready();
}

#[test]
fn an_auto_event_releases_one_for_each_set_in_order() {
    let _time = VirtualTime::start();
    let event = AutoEvent::new();
    let mut waiters: Vec<_> = (0..5).map(|_| queued(event.wait())).collect();
    for n in 0..5 {
        event.set();
        for (i, waiter) in waiters.iter().enumerate() {
            assert_eq!(waiter.woken(), i == n, "set {n}, waiter {i}");
        }
        assert!(!event.is_set());
    }
    for waiter in &mut waiters {
        waiter.ready();
    }
    assert_eq!(event.waiters(), 0);
}

#[test]
fn an_auto_event_remembers_once() {
    let event = Arc::new(AutoEvent::new());
    assert!(!event.try_wait());
    event.set();
    event.set();
    assert!(event.is_set());
    Polled::new(event.wait()).ready();
    assert!(!event.is_set());
    event.set();
    assert!(event.try_wait() && !event.try_wait());
    event.set();
    assert!(event.reset() && !event.reset());
    queued(Arc::clone(&event).wait_owned()).pending();
    event.set();
    event.wait_blocking();
    assert!(AutoEvent::new_set().try_wait());
    assert_eq!(format!("{event:?}"), "AutoEvent { set: false, waiters: 0 }");
}

#[test]
fn one_that_is_released_and_dropped_passes_it_on() {
    let _time = VirtualTime::start();
    let event = AutoEvent::new();
    let first = queued(event.wait());
    let mut second = queued(event.wait());
    event.set();
    assert!(first.woken());
    drop(first);
    assert!(second.woken());
    second.ready();
    let only = queued(event.wait());
    event.set();
    drop(only);
    assert!(event.try_wait(), "nobody waits: remembered");
    // One that only waited has nothing to pass on.
    drop(queued(event.wait()));
    assert!(!event.try_wait() && event.waiters() == 0);
}

#[test]
fn newcomers_do_not_pass_those_who_wait() {
    let _time = VirtualTime::start();
    let event = AutoEvent::new();
    let mut first = queued(event.wait());
    event.set();
    assert!(!event.try_wait(), "it is the first one's");
    let mut second = queued(event.wait());
    second.pending();
    first.ready();
    event.set();
    second.ready();
}

#[test]
fn a_stale_notification_goes_to_the_next() {
    let mut time = VirtualTime::start();
    let event = AutoEvent::new();
    let mut late = queued(event.wait());
    let mut next = queued(event.wait());
    event.set();
    time.advance_us(2000);
    let mut third = queued(event.wait()); // any operation
    assert!(next.woken());
    next.ready();
    late.pending(); // the first again
    event.set();
    assert!(late.woken() && !third.woken());
    late.ready();
    event.set();
    third.ready();
    // Nobody else waits: `try_wait` has it.
    let mut late = queued(event.wait());
    event.set();
    assert!(!event.try_wait());
    time.advance_us(20_000);
    assert!(event.try_wait());
    late.pending();
    event.set();
    late.ready();
    assert_eq!(event.waiters(), 0);
}

/// However late they are polled, and whoever has lost its place to whom.
#[test]
fn as_many_are_released_as_it_was_set() {
    let mut time = VirtualTime::start();
    for waiters in 1..6 {
        for gap in [0, 2000] {
            for sets_before in 0..waiters {
                let event = AutoEvent::new();
                let mut queue: Vec<_> = (0..waiters).map(|_| queued(event.wait())).collect();
                let mut released = 0;
                for n in 0..waiters {
                    if n == sets_before {
                        // A newcomer is one more that waits, or it takes what is kept for the absent.
                        let mut newcomer = Polled::new(event.wait());
                        if event.is_set() {
                            newcomer.ready();
                            released += 1;
                        } else {
                            newcomer.pending();
                            queue.push(newcomer);
                        }
                    }
                    event.set();
                    time.advance_us(gap);
                }
                event.set();
                // Whoever is told looks, the last ones first, until nobody is told any more.
                while let Some(n) = queue.iter().rposition(|waiter| waiter.woken()) {
                    let mut waiter = queue.remove(n);
                    if waiter.poll().is_ready() {
                        released += 1;
                    } else {
                        queue.push(waiter);
                    }
                }
                let case = (waiters, gap, sets_before);
                assert_eq!(released, waiters + 1, "{case:?}");
                assert!(!event.is_set(), "{case:?}");
            }
        }
    }
}

/// Against a count of those who wait and of the sets that are theirs: whatever happens, and whoever is
/// away meanwhile, the two agree.
#[test]
fn sets_are_counted_whatever_else_happens() {
    const RUNS: u64 = if cfg!(miri) { 20 } else { 20_000 };
    const STEPS: usize = 24;
    let mut time = VirtualTime::start();
    for seed in 0..RUNS {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut below = |n: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 33) as usize % n
        };
        let event = AutoEvent::new();
        let mut queue: Vec<Polled<_>> = Vec::new();
        let mut sets = 0;
        let (first, second) = (Task::new(), Task::new());
        for step in 0..STEPS {
            let case = (seed, step);
            let was_set = event.is_set();
            match below(16) {
                0..4 => {
                    event.set();
                    sets = (sets + 1).min(queue.len() + 1);
                }
                4..7 => {
                    // Some of one task.
                    let task = match below(4) {
                        0 => first.clone(),
                        1 => second.clone(),
                        _ => Task::new(),
                    };
                    let mut newcomer = Polled::of(&task, event.wait());
                    let ready = newcomer.poll().is_ready();
                    assert_eq!(ready, was_set, "{case:?}");
                    if ready {
                        sets -= 1;
                    } else {
                        queue.push(newcomer);
                    }
                }
                7..10 if !queue.is_empty() => {
                    let n = below(queue.len());
                    if queue[n].poll().is_ready() {
                        assert_ne!(sets, 0, "{case:?}: released, and not set");
                        sets -= 1;
                        drop(queue.swap_remove(n));
                    }
                }
                10 if !queue.is_empty() => {
                    drop(queue.swap_remove(below(queue.len())));
                    sets = sets.min(queue.len() + 1);
                }
                11 => {
                    let taken = event.try_wait();
                    assert!(taken || !was_set, "{case:?}");
                    assert!(!taken || sets != 0, "{case:?}");
                    sets -= usize::from(taken);
                }
                12 => {
                    let forgotten = sets > queue.len();
                    assert_eq!(event.reset(), forgotten, "{case:?}");
                    sets -= usize::from(forgotten);
                }
                13 if below(4) == 0 => {
                    // Who has a set as well uses it up when it returns, or passes it on.
                    event.notify_all();
                    for mut released in queue.drain(..) {
                        if below(2) == 0 {
                            released.ready();
                        }
                    }
                    // How many did, is the event's business; one is remembered at most.
                    let left = usize::from(event.is_set());
                    assert!(left <= sets, "{case:?}");
                    sets = left;
                }
                _ => time.advance_us([500, 1500, 30_000][below(3)]),
            }
            assert!(!event.is_set() || sets != 0, "{case:?}");
            assert!(
                event.is_set() || sets <= queue.len(),
                "{case:?}: one is remembered"
            );
        }
        // All are polled until nothing comes of it (three times, as those of one task take turns).
        let mut quiet = 0;
        while quiet < 4 {
            quiet += 1;
            for n in (0..queue.len()).rev() {
                if queue[n].poll().is_ready() {
                    drop(queue.swap_remove(n));
                    assert_ne!(sets, 0, "{seed}: released, and not set");
                    sets -= 1;
                    quiet = 0;
                }
            }
        }
        assert!(
            sets == 0 || queue.is_empty(),
            "{seed}: {sets} sets were lost"
        );
        assert_eq!(
            (event.is_set(), event.waiters()),
            (sets != 0, queue.len()),
            "{seed}"
        );
        drop(queue);
        assert_eq!(
            (event.try_wait(), event.waiters()),
            (sets != 0, 0),
            "{seed}"
        );
    }
}

/// Who lost its place and is dropped takes no set along, and leaves none behind but the one that is
/// remembered.
#[test]
fn one_that_is_away_and_dropped_waits_no_longer() {
    let mut time = VirtualTime::start();
    for sets_before in 0..4 {
        let event = AutoEvent::new();
        let (away, too) = (queued(event.wait()), queued(event.wait()));
        for _ in 0..2 {
            event.set();
        }
        time.advance_us(20_000);
        // Nobody is in the queue, and both have used up theirs.
        assert!(event.try_wait() && event.try_wait());
        time.advance_us(20_000);
        assert!(!event.try_wait());
        for _ in 0..sets_before {
            event.set();
        }
        assert_eq!(event.is_set(), sets_before != 0);
        // One for each of the two, and the one that nobody waits for.
        assert_eq!(event.reset(), sets_before == 3);
        drop(away);
        assert_eq!(event.reset(), sets_before >= 2, "it was set for the one");
        drop(too);
        assert_eq!((event.is_set(), event.waiters()), (sets_before != 0, 0));
        // All is as if nobody had been there.
        assert_eq!(event.reset(), sets_before != 0);
        let mut last = queued(event.wait());
        event.set();
        last.ready();
    }
}

/// They are released as all others, and of the sets that were theirs one is remembered.
#[test]
fn notify_all_releases_those_who_are_away() {
    let mut time = VirtualTime::start();
    let event = AutoEvent::new();
    let mut away = [queued(event.wait()), queued(event.wait())];
    event.set();
    event.set();
    time.advance_us(20_000);
    assert!(event.try_wait() && event.try_wait());
    event.set();
    event.set();
    event.notify_all();
    let mut newcomer = Polled::new(event.wait());
    newcomer.ready();
    let mut newcomer = queued(event.wait());
    for waiter in &mut away {
        waiter.ready();
    }
    newcomer.pending();
    event.set();
    newcomer.ready();
    assert!(!event.is_set() && event.waiters() == 0);
    // One that loses its place when it has been released already.
    let mut released = queued(event.wait());
    event.set();
    event.notify_all();
    time.advance_us(200_000);
    let mut newcomer = queued(event.wait());
    assert!(newcomer.woken());
    newcomer.ready();
    event.set();
    event.set();
    assert!(event.try_wait() && !event.try_wait(), "nobody waits");
    released.ready();
    assert!(!event.is_set() && event.waiters() == 0);
}

/// The claim of one notification leaves the age of the others in view.
#[test]
fn what_is_not_claimed_is_missed_after_another_was() {
    let mut time = VirtualTime::start();
    let event = AutoEvent::new();
    let (mut first, mut second) = (queued(event.wait()), queued(event.wait()));
    event.set();
    event.set();
    first.ready();
    assert!(!event.try_wait(), "it is young");
    time.advance_us(2000);
    assert!(event.try_wait(), "it is stale");
    second.pending();
}

#[test]
fn a_late_waiter_takes_what_another_does_not_claim() {
    let mut time = VirtualTime::start();
    let event = AutoEvent::new();
    let mut late = queued(event.wait());
    let mut other = queued(event.wait());
    event.set();
    time.advance_us(2000);
    let _ = event.try_wait(); // takes it from `late` and gives it to `other`
    assert!(other.woken());
    late.ready(); // it runs, the other does not
    other.pending();
    event.set();
    other.ready();
    // The same with one that is remembered.
    let mut late = queued(event.wait());
    let leaver = queued(event.wait());
    event.set();
    time.advance_us(20_000);
    let _ = event.try_wait();
    drop(leaver);
    assert!(event.is_set());
    late.ready();
    assert!(!event.is_set() && event.waiters() == 0);
}

/// Oxide's RFD 609: one future of a task holds the notification, another one is polled.
#[test]
fn futures_of_one_task_do_not_hang_on_each_other() {
    let _time = VirtualTime::start();
    let event = AutoEvent::new();
    let task = Task::new();
    let mut parked = Polled::of(&task, event.wait());
    parked.pending();
    let mut polled = Polled::of(&task, event.wait());
    polled.pending();
    event.set();
    polled.pending(); // two looks, in case the task polls the other one, too
    polled.pending();
    polled.ready();
    parked.pending();
    event.set();
    parked.ready();
    // A newcomer of the same task.
    let mut parked = Polled::of(&task, event.wait());
    parked.pending();
    event.set();
    let mut newcomer = Polled::of(&task, event.wait());
    newcomer.pending();
    newcomer.pending();
    newcomer.ready();
    drop(parked);
    assert!(!event.is_set() && event.waiters() == 0);
}

#[test]
fn notify_all_releases_futures_that_have_been_made() {
    let _time = VirtualTime::start();
    let event = AutoEvent::new();
    let notify = Notify::new();
    let mut made = (Polled::new(event.wait()), Polled::new(notify.listen()));
    let mut waits: Vec<_> = (0..40).map(|_| queued(event.wait())).collect();
    let mut listens: Vec<_> = (0..40).map(|_| queued(notify.listen())).collect();
    event.notify_all();
    notify.notify_all();
    made.0.ready();
    made.1.ready();
    for waiter in &mut waits {
        assert_eq!(waiter.task.woken(), 1);
        waiter.ready();
    }
    for waiter in &mut listens {
        assert_eq!(waiter.task.woken(), 1);
        waiter.ready();
    }
    assert!(!event.is_set());
    queued(event.wait()).pending();
    queued(notify.listen()).pending();
    // What is remembered is another matter.
    event.set();
    event.notify_all();
    assert!(event.try_wait());
    assert_eq!((event.waiters(), notify.waiters()), (0, 0));
}

#[test]
fn notify_all_leaves_notifications_where_they_are() {
    let _time = VirtualTime::start();
    let event = AutoEvent::new();
    let notified = queued(event.wait());
    let mut released = queued(event.wait());
    event.set();
    event.notify_all();
    drop(notified); // it was released twice; the set one goes on
    assert!(event.try_wait());
    assert!(released.woken());
    released.ready();
}

#[test]
fn notify_counts_those_who_are_on_their_way() {
    let _time = VirtualTime::start();
    let notify = Notify::new();
    assert_eq!(notify.notify(3), 0, "nobody listens, nothing is remembered");
    let mut listens: Vec<_> = (0..6).map(|_| queued(notify.listen())).collect();
    assert_eq!(notify.notify(2), 2);
    assert_eq!(notify.notify(1), 0);
    assert_eq!(notify.notify(3), 1);
    assert_eq!(notify.notify_additional(1), 1);
    for (i, listen) in listens.iter().enumerate() {
        assert_eq!(listen.woken(), i < 4);
    }
    listens[1].ready();
    assert_eq!(notify.notify(4), 1, "three are on their way");
    assert_eq!(notify.notify_additional(usize::MAX), 1);
    assert!(!notify.notify_one());
    for (i, listen) in listens.iter_mut().enumerate() {
        if i != 1 {
            listen.ready();
        }
    }
    assert_eq!(notify.waiters(), 0);
    assert_eq!(format!("{notify:?}"), "Notify { waiters: 0 }");
}

#[test]
fn a_listener_that_is_dropped_passes_its_notification_on() {
    let _time = VirtualTime::start();
    let notify = Notify::new();
    let first = queued(notify.listen());
    let mut second = queued(notify.listen());
    assert!(notify.notify_one());
    drop(first);
    assert!(second.woken());
    second.ready();
    let only = queued(notify.listen());
    assert!(notify.notify_one());
    drop(only);
    queued(notify.listen()).pending(); // nobody listened: it is gone
    assert_eq!(notify.notify(1), 0);
}

/// More notifications than one batch of wake-ups.
#[test]
fn many_are_notified_at_once() {
    let _time = VirtualTime::start();
    let notify = Notify::new();
    let mut listens: Vec<_> = (0..50).map(|_| queued(notify.listen())).collect();
    assert_eq!(notify.notify(40), 40);
    for (i, listen) in listens.iter().enumerate() {
        assert_eq!(listen.woken(), i < 40);
    }
    for listen in listens.drain(..10) {
        drop(listen); // passed on
    }
    for listen in &mut listens {
        listen.ready();
    }
    assert_eq!(notify.waiters(), 0);
}

#[test]
fn a_late_listener_costs_nobody_a_notification() {
    let mut time = VirtualTime::start();
    let notify = Notify::new();
    let mut late = queued(notify.listen());
    let mut next = queued(notify.listen());
    assert!(notify.notify_one());
    time.advance_us(2000);
    assert_eq!(notify.notify(1), 1, "the late one counts no longer");
    assert!(next.woken());
    next.ready();
    assert_eq!(notify.notify(1), 0, "nobody listens");
    late.ready(); // it looks again, and finds what the last call was about
    // If nobody else is there, it keeps its own.
    let mut late = queued(notify.listen());
    assert!(notify.notify_one());
    time.advance_us(20_000);
    assert_eq!(notify.notify(1), 0);
    assert_eq!(notify.waiters(), 1);
    late.ready();
}

#[test]
fn enable_listens_before_the_first_poll() {
    let _time = VirtualTime::start();
    let notify = Arc::new(Notify::new());
    let mut listen = Polled::new(notify.listen());
    assert!(!notify.notify_one(), "it does not listen yet");
    assert!(!listen.future.as_mut().enable());
    assert!(notify.notify_one());
    assert!(listen.future.as_mut().enable() && listen.future.as_mut().enable());
    assert_eq!(notify.waiters(), 0);
    listen.ready();
    let completed = catch_unwind(AssertUnwindSafe(|| listen.poll()));
    assert!(completed.is_err());
    // Enabled, then polled in vain, then notified.
    let mut listen = Polled::new(Arc::clone(&notify).listen_owned());
    assert!(!listen.future.as_mut().enable());
    listen.pending();
    assert!(notify.notify_one());
    assert!(listen.woken());
    listen.ready();
    // Enabled and dropped.
    let mut first = Polled::new(notify.listen());
    first.future.as_mut().enable();
    let mut second = queued(notify.listen());
    assert!(notify.notify_one());
    drop(first);
    assert!(second.woken());
    second.ready();
    let mut auto = (AutoEvent::new_set(), AutoEvent::new());
    let mut wait = Polled::new(auto.0.wait());
    assert!(wait.future.as_mut().enable());
    wait.ready();
    drop(wait);
    assert!(!std::mem::take(&mut auto.0).is_set());
}

#[test]
fn threads_wait_too() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 1000 };
    let notify = Arc::new((AtomicUsize::new(0), Notify::new(), AutoEvent::new()));
    let listener = std::thread::spawn({
        let notify = Arc::clone(&notify);
        move || {
            notify.1.wait_blocking();
            notify.0.fetch_add(1, Ordering::SeqCst);
            for _ in 0..ROUNDS {
                notify.2.wait_blocking();
                notify.0.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    while notify.1.waiters() == 0 {
        std::thread::yield_now();
    }
    assert!(notify.1.notify_one());
    for n in 1..=ROUNDS {
        while notify.0.load(Ordering::SeqCst) != n {
            std::thread::yield_now();
        }
        notify.2.set();
    }
    listener.join().unwrap();
}

/// One of two batons is claimed while somebody waits: the other one is still looked after.
#[test]
fn a_baton_that_is_left_behind_by_a_later_one_is_taken_back() {
    let mut time = VirtualTime::start();
    let event = AutoEvent::new();
    let _parked = queued(event.wait());
    let mut second = queued(event.wait());
    let third = queued(event.wait());
    event.set();
    event.set();
    second.ready();
    drop(third);
    time.advance_us(2000);
    assert!(event.try_wait(), "the first is not polled");
    assert!(!event.try_wait());
}

/// The same, where whoever claims has to look: what is stale goes to those who wait.
#[test]
fn who_claims_a_baton_passes_on_an_older_one_that_is_stale() {
    let mut time = VirtualTime::start();
    let notify = Notify::new();
    let _parked = queued(notify.listen());
    let mut second = queued(notify.listen());
    let mut third = queued(notify.listen());
    assert_eq!(notify.notify(2), 2);
    time.advance_us(2000);
    second.ready();
    assert!(third.woken());
    third.ready();
}
