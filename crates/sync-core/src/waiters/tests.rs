//! The queue and the driver without threads, through a primitive made for the purpose.

use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::bell::Bell;
use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn task() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

type Future<'a> = core::pin::Pin<Box<Waiting<&'a Bell, 2>>>;

fn waits<'a>(bell: &'a Bell, n: usize, waker: &Waker) -> Vec<Future<'a>> {
    (0..n)
        .map(|_| {
            let mut future = Box::pin(Waiting::borrowed(bell, 0));
            assert!(poll(&mut future, waker).is_pending());
            future
        })
        .collect()
}

fn poll(future: &mut Future<'_>, waker: &Waker) -> Poll<Result<(), Refused>> {
    let result = future.as_mut().poll(&mut Context::from_waker(waker));
    result.map_ok(|_| ())
}

#[test]
fn lanes_are_fifo_and_waiters_leave_from_anywhere() {
    for leaver in 0..5 {
        let bell = Bell::new();
        let (_, waker) = task();
        let mut waiters = waits(&bell, 5, &waker);
        assert_eq!(bell.waiters(), 5);
        drop(waiters.remove(leaver));
        assert_eq!(bell.waiters(), 4);
        for mut waiter in waiters {
            bell.ring_one();
            assert_eq!(poll(&mut waiter, &waker), Poll::Ready(Ok(())));
        }
        assert_eq!(bell.waiters(), 0);
        bell.check();
    }
}

#[test]
fn wake_ups_come_in_batches_and_each_once() {
    let bell = Bell::new();
    let (count, waker) = task();
    let n = 3 * WakeBatch::CAPACITY + 1;
    let mut waiters = waits(&bell, n, &waker);
    bell.ring_all();
    assert_eq!(count.0.load(Ordering::SeqCst), n);
    for waiter in &mut waiters {
        assert_eq!(poll(waiter, &waker), Poll::Ready(Ok(())));
    }
    assert_eq!(
        Arc::strong_count(&count),
        2,
        "all clones of the waker are gone"
    );
}

#[test]
fn refusals_carry_their_code() {
    let bell = Bell::new();
    let (_, waker) = task();
    let mut waiters = waits(&bell, 3, &waker);
    bell.close();
    for waiter in &mut waiters {
        assert_eq!(
            poll(waiter, &waker),
            Poll::Ready(Err(Refused(bell::CLOSED)))
        );
    }
    let mut late = Box::pin(Waiting::borrowed(&bell, 0));
    assert_eq!(
        poll(&mut late, &waker),
        Poll::Ready(Err(Refused(bell::CLOSED)))
    );
}

#[test]
fn a_dropped_baton_is_passed_on_in_order() {
    let bell = Bell::new();
    let (_, waker) = task();
    let mut waiters = waits(&bell, 3, &waker);
    bell.ring_one();
    bell.ring_one();
    drop(waiters.remove(1));
    assert!(poll(&mut waiters[1], &waker).is_ready());
    assert!(poll(&mut waiters[0], &waker).is_ready());
    bell.check();
}

#[test]
fn a_revoked_waiter_returns_to_the_front() {
    let bell = Bell::new();
    let (count, waker) = task();
    let (_, other) = task();
    let mut waiters = waits(&bell, 3, &waker);
    bell.ring_one();
    bell.revoke();
    assert_eq!(
        count.0.load(Ordering::SeqCst),
        2,
        "the second was woken instead"
    );
    assert_eq!(bell.waiters(), 2);
    assert!(poll(&mut waiters[1], &other).is_ready());
    assert!(poll(&mut waiters[0], &other).is_pending());
    bell.ring_one();
    assert!(poll(&mut waiters[2], &waker).is_pending());
    assert!(poll(&mut waiters[0], &other).is_ready());
    drop(waiters);
    bell.check();
}

#[cfg(feature = "std")]
#[test]
fn stale_batons_are_seen_without_the_lock() {
    let before = crate::clock::set_virtual(Some(5 << 30));
    let bell = Bell::new();
    let (_, waker) = task();
    let mut waiters = waits(&bell, 2, &waker);
    assert!(!bell.list().has_stale_baton());
    bell.ring_one();
    crate::clock::set_virtual(Some((5 << 30) + 500_000));
    bell.ring_one();
    assert!(!bell.list().has_stale_baton());
    crate::clock::set_virtual(Some((5 << 30) + 1_200_000));
    assert!(bell.list().has_stale_baton(), "the first");
    assert!(poll(&mut waiters[0], &waker).is_ready());
    assert!(!bell.list().has_stale_baton(), "the second is young");
    crate::clock::set_virtual(Some((5 << 30) + 2_500_000));
    assert!(bell.list().has_stale_baton());
    drop(waiters);
    assert!(!bell.list().has_stale_baton());
    crate::clock::set_virtual(before);
}

#[test]
fn a_waker_is_kept_replaced_and_dropped() {
    let bell = Bell::new();
    let (a, first) = task();
    let (b, second) = task();
    {
        let mut future = pin!(Waiting::borrowed(&bell, 0));
        for waker in [&first, &first, &second] {
            assert!(
                future
                    .as_mut()
                    .poll(&mut Context::from_waker(waker))
                    .is_pending()
            );
        }
        assert_eq!((Arc::strong_count(&a), Arc::strong_count(&b)), (2, 3));
        assert!(future.is_queued());
    }
    assert_eq!(Arc::strong_count(&b), 2);
    bell.check();
}

#[test]
fn idle_futures_leave_no_trace() {
    let bell = Bell::new();
    let idle = Waiting::borrowed(&bell, 3);
    assert!(!idle.is_queued());
    assert_eq!(idle.tag(), 3);
    assert!(core::ptr::eq(*idle.holder(), &bell));
    drop(idle);
    assert_eq!(format!("{:?}", bell.list()), "WaitList { len: 0 }");
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn polling_after_completion_panics() {
    let bell = Bell::new();
    bell.ring_one();
    let (_, waker) = task();
    let mut future = Box::pin(Waiting::borrowed(&bell, 0));
    assert!(poll(&mut future, &waker).is_ready());
    let _ = poll(&mut future, &waker);
}

#[test]
fn the_node_is_small() {
    assert!(size_of::<Waiter>() <= 7 * size_of::<usize>());
    assert!(size_of::<WaitList>() <= 8 + size_of::<usize>());
    assert!(size_of::<WaitList<2>>() <= 8 + 2 * size_of::<usize>());
}

/// With `std` the panic of a waker waits until the queue is released. Without, it leaves the loop that
/// called the wakers, and what is left of that is done all the same.
#[test]
fn a_waker_that_panics_in_a_flush_does_not_end_the_loop() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("wake");
        }
    }
    let bell = Bell::new();
    let (count, waker) = task();
    let mut waiters = waits(&bell, 1, &Waker::from(Arc::new(Panics)));
    waiters.extend(waits(&bell, 2, &waker));
    let mut left_over = 0;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut queue = bell.list().lock();
        for _ in 0..2 {
            queue.front(0).unwrap().settle(0);
        }
        queue.flush_surely(|queue| {
            left_over += 1;
            queue.front(0).unwrap().settle(0);
        });
        // Not without `std`.
        queue.front(0).unwrap().settle(0);
    }));
    assert!(panicked.is_err());
    assert_eq!(left_over, usize::from(cfg!(not(feature = "std"))));
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    for mut waiter in waiters {
        assert!(poll(&mut waiter, &waker).is_ready());
    }
    bell.check();
}

/// Where nothing measures time, looks are counted: a baton is stale after so many of them.
#[cfg(not(feature = "std"))]
#[test]
fn stale_batons_are_seen_after_many_looks() {
    let bell = Bell::new();
    let (_, waker) = task();
    let mut waiters = waits(&bell, 1, &waker);
    bell.ring_one();
    assert!(!bell.list().has_stale_baton());
    for _ in 0..crate::clock::MILLI / crate::clock::PER_LOOK {
        let _ = crate::clock::now();
    }
    assert!(bell.list().has_stale_baton());
    assert!(poll(&mut waiters[0], &waker).is_ready());
}

/// `Turn::since` is a safe method, so it must be one for a newcomer, too, whose node has never been
/// queued. (Miri sees it if the fields are read that are not initialised.)
#[test]
fn a_newcomer_may_be_asked_since_when_it_waits() {
    struct Asks(WaitList);
    // SAFETY: `queue` returns the field, always the same.
    unsafe impl Protocol<1> for Asks {
        const TIMED: bool = true;
        fn queue(&self, _: Driver) -> &WaitList {
            &self.0
        }
        fn try_now(&self, _: usize) -> bool {
            false
        }
        fn arrive(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
            if crate::clock::is_stale(turn.since(), crate::clock::now()) {
                Verdict::Refused(1)
            } else {
                Verdict::Acquired
            }
        }
        fn turn(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
            Verdict::Acquired
        }
        fn left(&self, _: Left, _: usize) {}
        fn pass_on(&self, _: &mut Locked<'_, 1>) {}
    }
    let asks = Asks(WaitList::new());
    let mut wait = pin!(Waiting::borrowed(&asks, 0));
    let _ = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

/// Miri and `ThreadSanitizer` watch the fields of the nodes, which only the real lock orders: the
/// models have another one in its place.
#[cfg(feature = "std")]
#[test]
fn threads_share_a_queue() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 2_000 };
    let bell = Arc::new(Bell::new());
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let bell = Arc::clone(&bell);
            std::thread::spawn(move || {
                for _ in 0..ROUNDS {
                    let mut waiting = pin!(Waiting::borrowed(&*bell, 0));
                    bell.ring_one();
                    let heard = core::future::poll_fn(|cx| waiting.as_mut().poll(cx));
                    assert_eq!(crate::park::block_on(heard), Ok(0));
                }
            })
        })
        .collect();
    for _ in 0..ROUNDS {
        let (_, waker) = task();
        let mut leaver = Box::pin(Waiting::borrowed(&*bell, 0));
        if poll(&mut leaver, &waker).is_ready() {
            bell.ring_one(); // it was for somebody else
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    bell.check();
}

#[test]
fn a_brief_lock_is_a_lock() {
    let bell = Bell::new();
    let (_, waker) = task();
    let brief = bell.list().lock_briefly();
    assert!(brief.is_empty() && brief.is_quiet());
    drop(brief);
    let mut waiters = waits(&bell, 2, &waker);
    let brief = bell.list().lock_briefly();
    assert!(!brief.is_empty() && !brief.is_quiet());
    assert_eq!(brief.stay().len(), 2);
    bell.ring_one();
    bell.ring_one();
    let brief = bell.list().lock_briefly();
    assert!(!brief.is_empty(), "both have a baton");
    assert!(brief.is_quiet(), "and nobody waits");
    drop(brief);
    for waiter in &mut waiters {
        assert_eq!(poll(waiter, &waker), Poll::Ready(Ok(())));
    }
    assert!(bell.list().lock_briefly().is_empty());
    bell.check();
}

/// Every choice of tags, for every number of batons, and every bound.
#[test]
fn batons_are_revoked_by_their_tag_and_those_who_wait_are_not() {
    let (_, waker) = task();
    for (given, chosen, most) in (0..=4)
        .flat_map(|given| (0..16).flat_map(move |set| (0..=4).map(move |most| (given, set, most))))
    {
        let bell = Bell::new();
        let waiters: Vec<Future<'_>> = (0..4)
            .map(|tag| {
                let mut future = Box::pin(Waiting::borrowed(&bell, 0));
                let mark = Mark::from_ptr(core::ptr::without_provenance_mut(tag));
                let polled =
                    future
                        .as_mut()
                        .poll_marked(&mut Context::from_waker(&waker), mark, None);
                assert!(polled.is_pending());
                future
            })
            .collect();
        (0..given).for_each(|_| bell.ring_one());
        let is_chosen = |tag: usize| chosen >> tag & 1 == 1;
        let expected: Vec<usize> = (0..given)
            .filter(|tag| is_chosen(*tag))
            .take(most)
            .collect();
        let mut queue = bell.list().lock();
        assert_eq!(queue.revoke_batons(most, is_chosen), expected.len());
        let left: Vec<usize> = (0..4)
            .filter(|tag| queue.revoke_batons(1, |other| other == *tag) == 1)
            .collect();
        let rest: Vec<usize> = (0..given).filter(|tag| !expected.contains(tag)).collect();
        assert_eq!(
            left, rest,
            "{given} given, {chosen:04b} chosen, at most {most}"
        );
        drop(queue);
        drop(waiters);
    }
}

#[test]
fn a_future_that_has_completed_may_begin_again() {
    let bell = Bell::new();
    let (_, waker) = task();
    let mut future = waits(&bell, 1, &waker).remove(0);
    assert!(!future.is_idle() && !future.is_held());
    for _ in 0..3 {
        bell.ring_one();
        assert_eq!(poll(&mut future, &waker), Poll::Ready(Ok(())));
        future.as_mut().again();
        assert!(future.is_idle());
        assert!(poll(&mut future, &waker).is_pending());
    }
    drop(future);
    assert_eq!(bell.waiters(), 0);
    let mut future = Box::pin(Waiting::borrowed(&bell, 0));
    future.as_mut().finish();
    assert!(!future.is_idle());
    bell.check();
}

/// A node that is linked stays linked: these would be memory errors if they went through.
#[test]
fn who_waits_can_neither_begin_again_nor_be_declared_over() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let bell = Bell::new();
    let (_, waker) = task();
    let mut future = waits(&bell, 1, &waker).remove(0);
    assert!(catch_unwind(AssertUnwindSafe(|| future.as_mut().again())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| future.as_mut().finish())).is_err());
    assert_eq!(bell.waiters(), 1);
    bell.ring_one();
    assert_eq!(poll(&mut future, &waker), Poll::Ready(Ok(())));
}
