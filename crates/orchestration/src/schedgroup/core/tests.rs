//! What happens between a look and a sleep: orders that take two threads, brought about by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A core whose items are wakers, the driver's waker, and how often it was woken.
fn setting() -> (Core<Waker>, Waker, Arc<Wakes>) {
    let start = Instant::now();
    let core = Core::new(Box::new(move || start));
    let wakes = Arc::new(Wakes::default());
    (core, Waker::from(Arc::clone(&wakes)), wakes)
}

fn insert(core: &Core<Waker>, millis: u64) -> Key {
    let at = core.now() + Duration::from_millis(millis);
    core.insert(at, Waker::noop().clone()).expect("it is open")
}

fn sleeps<T>(step: Step<T>) -> bool {
    matches!(step, Step::Sleep(_))
}

#[test]
fn what_comes_between_the_look_and_the_sleep_is_seen() {
    let (core, driver, wakes) = setting();
    assert!(sleeps(core.step(core.now())));
    insert(&core, 10);
    assert!(!core.park(&driver), "there is something new");
    assert!(sleeps(core.step(core.now())));
    // Later than what it is going to sleep for.
    insert(&core, 20);
    assert!(core.park(&driver));
    insert(&core, 30);
    assert_eq!(wakes.0.load(SeqCst), 0);
    insert(&core, 5);
    insert(&core, 4);
    assert_eq!(wakes.0.load(SeqCst), 1, "once is enough");
}

#[test]
fn a_job_that_is_put_forward_wakes_and_one_that_is_put_off_does_not() {
    let (core, driver, wakes) = setting();
    let (first, second) = (insert(&core, 10), insert(&core, 20));
    assert!(sleeps(core.step(core.now())) && core.park(&driver));
    assert!(core.reschedule(first, core.now() + Duration::from_millis(50)));
    assert!(core.reschedule(second, core.now() + Duration::from_millis(15)));
    assert_eq!(
        wakes.0.load(SeqCst),
        0,
        "it will look at ten, and find nothing"
    );
    assert!(core.reschedule(second, core.now() + Duration::from_millis(5)));
    assert_eq!(wakes.0.load(SeqCst), 1);
}

#[test]
fn the_end_of_the_last_thing_that_is_waited_for_wakes() {
    // A run, a job that is called off, a recurring one that will not come back.
    let (core, driver, wakes) = setting();
    let job = insert(&core, 10);
    core.begin();
    core.close();
    assert!(sleeps(core.step(core.now())) && core.park(&driver));
    assert!(core.cancel(job));
    assert_eq!(wakes.0.load(SeqCst), 0, "something runs");
    core.finish();
    assert_eq!(wakes.0.load(SeqCst), 1);
    assert!(matches!(core.step(core.now()), Step::End));
    assert!(core.has_ended());
}

#[test]
fn closing_is_seen_by_a_driver_that_is_about_to_sleep() {
    let (core, driver, _) = setting();
    assert!(sleeps(core.step(core.now())));
    core.close();
    assert!(!core.park(&driver));
    assert!(matches!(core.step(core.now()), Step::End));
}

#[test]
fn ending_gives_what_waits_and_takes_nothing_more() {
    let (core, driver, wakes) = setting();
    insert(&core, 10);
    let key = insert(&core, 20);
    assert!(sleeps(core.step(core.now())) && core.park(&driver));
    assert_eq!(core.end_with().len(), 2);
    assert_eq!(wakes.0.load(SeqCst), 1);
    assert!(core.insert(core.now(), Waker::noop().clone()).is_none());
    assert!(!core.cancel(key) && !core.reschedule(key, core.now()) && core.due(key).is_none());
    assert!(matches!(core.step(core.now()), Step::End));
}

/// What another thread does between two steps of the driver.
#[derive(Clone, Copy, Debug)]
enum Call {
    Insert(u64),
    /// Of the first that was inserted.
    Cancel,
    /// Of the last that was inserted.
    Move(u64),
    Close,
}

/// Every order of the driver's looks and sleeps and others' calls: whenever it sleeps without having been
/// woken, it sleeps for something, and until the first thing that is due.
#[test]
fn no_order_of_looks_and_calls_sleeps_through_anything() {
    use Call::{Cancel, Close, Insert, Move};
    let scripts: [&[Call]; 6] = [
        &[Insert(10), Insert(5), Cancel, Close],
        &[Insert(5), Insert(10), Move(2), Cancel],
        &[Insert(5), Move(20), Insert(10), Close],
        &[Close, Cancel],
        &[Insert(7), Close, Cancel],
        &[Insert(9), Cancel, Insert(8), Move(3)],
    ];
    let mut orders = 0;
    for script in scripts {
        // The driver looks and parks three times. A bit says whose turn it is.
        let turns = script.len() + 6;
        for order in (0_u32..1 << turns).step_by(if cfg!(miri) { 13 } else { 1 }) {
            if order.count_ones() as usize == script.len() {
                run(script, (0..turns).map(|turn| order >> turn & 1 == 1));
                orders += 1;
            }
        }
    }
    assert!(orders > if cfg!(miri) { 10 } else { 500 }, "{orders}");
}

fn run(script: &[Call], others_turn: impl Iterator<Item = bool>) {
    let (core, driver, wakes) = setting();
    let at = |millis| core.now() + Duration::from_millis(millis);
    let mut calls = script.iter();
    let mut keys = Vec::new();
    // What the driver has been told to do, and how often it had been woken when it went to sleep.
    let (mut told_to_sleep, mut asleep) = (false, None);
    for others in others_turn {
        if others {
            match calls.next().expect("as many turns as calls") {
                Call::Insert(millis) => {
                    keys.extend(core.insert(at(*millis), Waker::noop().clone()))
                }
                Call::Cancel => {
                    keys.first().map(|key| core.cancel(*key));
                }
                Call::Move(millis) => {
                    keys.last().map(|key| core.reschedule(*key, at(*millis)));
                }
                Call::Close => core.close(),
            }
        } else if asleep == Some(wakes.0.load(SeqCst)) {
            // It sleeps on.
        } else if std::mem::take(&mut told_to_sleep) {
            asleep = core.park(&driver).then(|| wakes.0.load(SeqCst));
        } else {
            asleep = None;
            told_to_sleep = sleeps(core.step(core.now()));
        }
        if asleep != Some(wakes.0.load(SeqCst)) {
            continue;
        }
        let dues = keys.iter().filter_map(|key| core.due(*key));
        let first = dues.min().map_or(NEVER, |due| core.nanos(due));
        let state = core.lock();
        assert!(state.armed != AWAKE && state.armed <= first, "{script:?}");
        assert!(!state.is_over(), "{script:?}: nobody will wake it");
    }
}
