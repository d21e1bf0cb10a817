//! What needs no runtime: intervals and timeouts on a clock that the test moves, errors, the
//! default methods, auto traits.

use std::future::{pending, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::task::noop_waker;
use runtime::{
    Elapsed, FAR_FUTURE, Interval, JoinError, JoinHandle, MissedTick, Spawn, TaskHandle, Timeout,
    Timer, deadline_after,
};

const MS: Duration = Duration::from_millis(1);

/// A clock that stands still unless the test moves it. Its sleeps must be polled to be noticed.
#[derive(Clone)]
struct Manual {
    start: Instant,
    elapsed: Arc<Mutex<Duration>>,
}

impl Manual {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            elapsed: Arc::default(),
        }
    }

    fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap() += by;
    }
}

impl Timer for Manual {
    type Sleep = ManualSleep;

    fn now(&self) -> Instant {
        self.start + *self.elapsed.lock().unwrap()
    }

    fn sleep_until(&self, deadline: Instant) -> ManualSleep {
        ManualSleep {
            clock: self.clone(),
            deadline,
        }
    }
}

struct ManualSleep {
    clock: Manual,
    deadline: Instant,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.deadline {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&noop_waker()))
}

/// The ticks that are due now, in milliseconds since the start.
fn due(clock: &Manual, interval: &mut Interval<Manual>) -> Vec<u128> {
    let mut ticks = Vec::new();
    while let Poll::Ready(tick) = poll(pin!(interval.tick())) {
        ticks.push((tick - clock.start).as_millis());
    }
    ticks
}

/// The table in the documentation of `MissedTick`: ticks after the one of 10 was taken at 35.
fn after_a_late_tick(policy: MissedTick) -> Vec<u128> {
    let clock = Manual::new();
    let mut interval = clock
        .interval_at(clock.now() + 10 * MS, 10 * MS)
        .with_missed_tick(policy);
    assert_eq!(interval.missed_tick(), policy);
    clock.advance(35 * MS);
    let mut ticks = due(&clock, &mut interval);
    assert_eq!(ticks.remove(0), 10);
    for _ in 0..30 {
        clock.advance(MS);
        ticks.extend(due(&clock, &mut interval));
    }
    ticks
}

#[test]
fn missed_ticks_burst() {
    assert_eq!(after_a_late_tick(MissedTick::Burst), [20, 30, 40, 50, 60]);
}

#[test]
fn missed_ticks_delay() {
    assert_eq!(after_a_late_tick(MissedTick::Delay), [45, 55, 65]);
}

#[test]
fn missed_ticks_skip() {
    assert_eq!(after_a_late_tick(MissedTick::Skip), [40, 50, 60]);
}

#[test]
fn skip_exactly_on_a_multiple_takes_that_tick_once() {
    let clock = Manual::new();
    let mut interval = clock.interval(10 * MS).with_missed_tick(MissedTick::Skip);
    clock.advance(30 * MS);
    // The tick of 0 is late by three periods; 10, 20 and 30 were missed.
    assert_eq!(due(&clock, &mut interval), [0]);
    clock.advance(10 * MS);
    assert_eq!(due(&clock, &mut interval), [40]);
}

#[test]
fn delay_never_bursts_even_with_a_tiny_period() {
    let clock = Manual::new();
    let mut interval = clock.interval(MS).with_missed_tick(MissedTick::Delay);
    clock.advance(4 * MS);
    assert_eq!(due(&clock, &mut interval), [0]);
    clock.advance(MS);
    assert_eq!(due(&clock, &mut interval), [5]);
}

#[test]
fn the_first_tick_is_at_once_and_reset_starts_anew() {
    let clock = Manual::new();
    let mut interval = clock.interval(10 * MS);
    assert_eq!(interval.period(), 10 * MS);
    assert_eq!(due(&clock, &mut interval), [0]);
    clock.advance(7 * MS);
    interval.reset();
    clock.advance(9 * MS);
    assert!(due(&clock, &mut interval).is_empty());
    clock.advance(MS);
    assert_eq!(due(&clock, &mut interval), [17]);
    interval.set_missed_tick(MissedTick::Skip);
    assert!(format!("{interval:?}").contains("Skip"));
}

#[test]
fn a_dropped_tick_loses_nothing() {
    let clock = Manual::new();
    let mut interval = clock.interval(10 * MS);
    assert_eq!(due(&clock, &mut interval), [0]);
    clock.advance(10 * MS);
    drop(interval.tick());
    {
        // Completed but not polled: the tick is still there.
        let tick = interval.tick();
        assert!(format!("{tick:?}").starts_with("Tick"));
    }
    assert_eq!(due(&clock, &mut interval), [10]);
}

#[test]
fn a_zero_period_panics_clearly() {
    let clock = Manual::new();
    let payload = catch_unwind(AssertUnwindSafe(|| clock.interval(Duration::ZERO))).unwrap_err();
    let text = payload.downcast_ref::<&str>().unwrap();
    assert_eq!(*text, "the period of an interval must not be zero");
}

#[test]
fn an_endless_period_does_not_overflow() {
    for policy in [MissedTick::Burst, MissedTick::Delay, MissedTick::Skip] {
        let clock = Manual::new();
        let mut interval = clock.interval(Duration::MAX).with_missed_tick(policy);
        clock.advance(10 * MS);
        assert_eq!(due(&clock, &mut interval), [0]);
        interval.reset();
        assert!(due(&clock, &mut interval).is_empty());
    }
}

#[test]
fn timeout_polls_the_future_first() {
    let clock = Manual::new();
    assert_eq!(
        poll(pin!(clock.timeout(Duration::ZERO, ready(1)))),
        Poll::Ready(Ok(1))
    );
    let late = clock.timeout_at(clock.now(), ready(1));
    clock.advance(MS);
    assert_eq!(poll(pin!(late)), Poll::Ready(Ok(1)));
}

#[test]
fn timeout_counts_from_the_call() {
    let clock = Manual::new();
    let mut timeout = pin!(clock.timeout(10 * MS, pending::<()>()));
    clock.advance(9 * MS);
    assert_eq!(poll(timeout.as_mut()), Poll::Pending);
    clock.advance(MS);
    assert_eq!(poll(timeout.as_mut()), Poll::Ready(Err(Elapsed)));
}

#[test]
fn timeout_gives_its_future_back() {
    let clock = Manual::new();
    let mut timeout = Box::pin(clock.timeout(MS, ready(3)));
    assert_eq!(poll(timeout.as_mut().get_pin_mut()), Poll::Ready(3));
    let timeout = clock.timeout(MS, ready(3));
    let _: &std::future::Ready<i32> = timeout.get_ref();
    assert_eq!(block_on(timeout.into_inner()), 3);
}

#[test]
fn durations_saturate() {
    let now = Instant::now();
    assert_eq!(deadline_after(now, Duration::ZERO), now);
    assert_eq!(deadline_after(now, Duration::MAX), now + FAR_FUTURE);
    assert_eq!(deadline_after(now, FAR_FUTURE), now + FAR_FUTURE);
    let clock = Manual::new();
    assert!(poll(pin!(clock.sleep(Duration::MAX))).is_pending());
    assert!(poll(pin!(clock.timeout(Duration::MAX, pending::<()>()))).is_pending());
}

#[test]
fn elapsed_is_an_error() {
    assert_eq!(Elapsed.to_string(), "deadline has elapsed");
    assert_eq!(io::Error::from(Elapsed).kind(), io::ErrorKind::TimedOut);
}

#[test]
fn join_error_tells_what_happened() {
    assert_eq!(JoinError::Aborted.to_string(), "task was aborted");
    assert_eq!(format!("{:?}", JoinError::Aborted), "Aborted");
    assert!(
        JoinError::Aborted
            .try_into_panic()
            .unwrap_err()
            .is_aborted()
    );
    let text = JoinError::Panicked(Box::new(String::from("boom")));
    assert_eq!(text.to_string(), "task panicked: boom");
    assert_eq!(format!("{text:?}"), r#"Panicked("boom")"#);
    assert!(text.try_into_panic().is_ok());
    assert!(catch_unwind(|| JoinError::Aborted.into_panic()).is_err());
}

/// An adapter that runs each task to its end inside `spawn`.
#[derive(Clone)]
struct Inline;

impl Spawn for Inline {
    type Handle<T: Send + 'static> = TaskHandle<T>;

    fn spawn<F>(&self, future: F) -> TaskHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = runtime::task(future);
        block_on(task);
        handle
    }
}

#[test]
fn spawn_blocking_by_default_is_a_task() {
    let work = Inline.spawn_blocking(|| 11);
    assert!(JoinHandle::is_finished(&work));
    assert_eq!(block_on(work).unwrap(), 11);
    let work = Inline.spawn_blocking(|| -> u8 { panic!("inline") });
    assert_eq!(block_on(work).unwrap_err().panic_message(), "inline");
}

#[test]
fn auto_traits() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    fn send<T: Send>() {}
    send_sync_unpin::<TaskHandle<std::cell::Cell<u8>>>();
    send_sync_unpin::<Interval<Manual>>();
    send_sync_unpin::<Elapsed>();
    send::<Timeout<ManualSleep, std::future::Ready<u8>>>();
    send::<JoinError>();
}
