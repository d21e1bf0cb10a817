//! News: something that happens, and all who wait for it are told.
//!
//! The last token of a wait group, the last party of a barrier, a gate that opens, a value that is
//! there, a call of all: the same for whatever is promised about the waiting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;

use super::counting;
use super::hostile::Script;
use super::polls::{again, judged};
use super::tools::{Polled, Task, now, panics, queued};
use super::{Measurement, Verdict, check, list};
use crate::peers::Work;

/// Something that happens once, for all who wait.
pub(super) trait News: Send + Sync + Sized + 'static {
    /// It has not happened. So many will wait for it.
    fn new(waiters: usize) -> Self;

    /// Waits for it.
    fn wait(&self) -> impl Future<Output = ()> + Send;

    /// It happens. May run the wakers of those who wait.
    fn happen(&self);
}

/// What is measured of all of them.
pub(super) fn of_all_news<N: News>() -> Vec<Measurement> {
    list! {
        "all-wake", all_wake::<N>, "All waiters are woken",
            "Forty of them, more than one batch of wakers.";
        "leaked", leaked::<N>, "A waiter that is leaked does not hurt others",
            "The first of two.";
        "wake-reenters", wake_uses_it::<N>, "A waker may use the object that calls it",
            "`wake` waits for it, by one poll.";
        "wake-panics", wake_panics::<N>, "A waker that panics costs nobody else a wake-up",
            "The first of forty-one waiters has one.";
        "spurious", spurious::<N>, "Spurious polls change nothing",
            "A thousand; no more than one clone of the waker is kept.";
        "another-waker", another_waker::<N>, "The waker of the last poll is woken",
            "A waiter is polled with one waker, then with another.";
        "allocations", allocations::<N>, "Waiting does not allocate",
            "A counting allocator around a wait that is polled once before and once after what it waits for; making the object is not counted.";
    }
}

/// Of those whose news is a value, which has to be put somewhere: there the waiting alone is counted.
pub(super) fn of_all_values<N: News>() -> Vec<Measurement> {
    let mut all = of_all_news::<N>();
    all.retain(|it| it.id != "allocations");
    all.extend(list! {
        "allocations", allocations_of_polls::<N>, "Waiting does not allocate",
            "A counting allocator around the polls of a wait; storing or sending the value is not counted.";
    });
    all
}

/// Of those whose waiters may leave.
pub(super) fn of_those_who_may_leave<N: News>() -> Vec<Measurement> {
    list! {
        "cancel", cancelled::<N>, "A waiter that is dropped leaves nothing behind",
            "Its waker is not kept, nor woken, and another waiter is served.";
    }
}

/// Of those who keep the news for who comes too late.
pub(super) fn of_those_who_keep_it<N: News>() -> Vec<Measurement> {
    list! {
        "threads", threads::<N>, "Nothing is lost between threads",
            "It happens in a thread while another polls its first wait; 500 times.";
    }
}

/// Of those whose wait is the peer's own future.
pub(super) fn of_own_futures<N: News>() -> Vec<Measurement> {
    list! {
        "after-completion", after_completion::<N>, "A poll after completion panics",
            "Instead of waiting for ever, or being ready again.";
    }
}

fn all_wake<N: News>() -> Verdict {
    let news = N::new(40);
    let mut waiters: Vec<_> = (0..40).map(|_| queued(news.wait())).collect();
    news.happen();
    let served = waiters.iter_mut().filter_map(Polled::served).count();
    check!(served == 40, "{served} of 40");
    Verdict::kept()
}

fn leaked<N: News>() -> Verdict {
    // Leaked itself, so that what the leaked future borrows stays.
    let news: &'static N = Box::leak(Box::new(N::new(2)));
    std::mem::forget(queued(news.wait()));
    let mut other = queued(news.wait());
    news.happen();
    check!(other.served().is_some(), "another is never served");
    Verdict::kept()
}

fn wake_uses_it<N: News>() -> Verdict {
    let news = Arc::new(N::new(2));
    let script = Script::on_wake({
        let news = Arc::clone(&news);
        Box::new(move || {
            let _ = now(news.wait());
        })
    });
    let mut hostile = Box::pin(news.wait());
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    let mut other = queued(news.wait());
    news.happen();
    check!(script.done(), "it is not woken");
    // (It may have to make room for the others.)
    let _ = hostile.as_mut().poll(&mut cx);
    drop(hostile);
    check!(other.served().is_some(), "another is never served");
    Verdict::kept()
}

fn wake_panics<N: News>() -> Verdict {
    let news = N::new(41);
    let script = Script::on_wake(Box::new(|| panic!("wake")));
    let mut hostile = Box::pin(news.wait());
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    let mut waiters: Vec<_> = (0..40).map(|_| queued(news.wait())).collect();
    let _ = panics(|| news.happen());
    let _ = panics(|| drop(hostile));
    check!(script.done(), "it is not woken");
    let served = waiters.iter_mut().filter_map(Polled::served).count();
    check!(served == 40, "{served} of 40 are woken");
    Verdict::kept()
}

fn spurious<N: News>() -> Verdict {
    let news = N::new(1);
    let mut waiter = queued(news.wait());
    for _ in 0..1000 {
        check!(waiter.poll().is_none(), "it ended early");
    }
    let kept = waiter.task.kept();
    check!(kept <= 1, "{kept} clones of the waker are kept");
    let _ = waiter.task.woken();
    news.happen();
    check!(waiter.served().is_some(), "it never ends");
    Verdict::kept()
}

fn another_waker<N: News>() -> Verdict {
    let news = N::new(1);
    let mut waiter = queued(news.wait());
    let old = std::mem::replace(&mut waiter.task, Task::new());
    assert!(waiter.poll().is_none());
    news.happen();
    check!(waiter.served().is_some(), "it is not woken");
    check!(old.woken() == 0, "the old waker is woken");
    Verdict::kept()
}

fn allocations<N: News>() -> Verdict {
    let task = Task::new();
    let one_wait = || {
        let news = N::new(1);
        counting::allocations(|| {
            let mut waiter = std::pin::pin!(news.wait());
            assert!(task.ready(waiter.as_mut()).is_none());
            news.happen();
            assert!(task.ready(waiter.as_mut()).is_some());
        })
    };
    judged(one_wait)
}

fn allocations_of_polls<N: News>() -> Verdict {
    let task = Task::new();
    let one_wait = || {
        let news = N::new(1);
        let mut waiter = std::pin::pin!(news.wait());
        let first = counting::allocations(|| assert!(task.ready(waiter.as_mut()).is_none()));
        news.happen();
        first + counting::allocations(|| assert!(task.ready(waiter.as_mut()).is_some()))
    };
    judged(one_wait)
}

fn cancelled<N: News>() -> Verdict {
    let news = N::new(1);
    let Polled { task, future } = queued(news.wait());
    let mut other = queued(news.wait());
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    news.happen();
    check!(task.woken() == 0, "it is woken");
    check!(other.served().is_some(), "another is never served");
    Verdict::kept()
}

fn threads<N: News>() -> Verdict {
    for _ in 0..500 {
        let news = N::new(1);
        let mut waiter = Polled::new(news.wait());
        waiter.task.waker().wake_by_ref();
        let served = std::thread::scope(|scope| {
            scope.spawn(|| news.happen());
            waiter.served_within(Duration::from_secs(2))
        });
        check!(served.is_some(), "a wake-up is lost");
    }
    Verdict::kept()
}

fn after_completion<N: News>() -> Verdict {
    let news = N::new(1);
    let task = Task::new();
    let mut waiter = std::pin::pin!(news.wait());
    assert!(task.ready(waiter.as_mut()).is_none());
    news.happen();
    assert!(task.ready(waiter.as_mut()).is_some());
    again(&task, waiter)
}

/// Something that runs a work for all who ask for it meanwhile.
pub(super) trait Shares: Send + Sync + Sized + 'static {
    fn new() -> Self;

    /// What the work makes, or the one that runs.
    fn share(
        &self,
        work: impl FnOnce() -> Work + Send + 'static,
    ) -> impl Future<Output = u64> + Send;
}

/// The news that a work is done, for those who share it. The first of them is polled by nobody but
/// [`happen`](News::happen).
pub(super) struct Running<S: 'static> {
    shared: &'static S,
    gate: Arc<Gate>,
    first: Mutex<Option<Work>>,
}

#[derive(Default)]
struct Gate {
    open: AtomicBool,
    work: AtomicWaker,
}

impl<S: Shares> News for Running<S> {
    fn new(_: usize) -> Self {
        // Leaked, so that the first call can be kept beside it.
        let shared: &'static S = Box::leak(Box::new(S::new()));
        let gate = Arc::<Gate>::default();
        let inner = Arc::clone(&gate);
        let work = move || -> Work {
            Box::pin(std::future::poll_fn(move |cx| {
                inner.work.register(cx.waker());
                if inner.open.load(Ordering::Acquire) {
                    Poll::Ready(1)
                } else {
                    Poll::Pending
                }
            }))
        };
        let mut first: Work = Box::pin(shared.share(work));
        let begun = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(begun.is_pending());
        Running {
            shared,
            gate,
            first: Mutex::new(Some(first)),
        }
    }

    async fn wait(&self) {
        self.shared.share(|| Box::pin(async { 2 })).await;
    }

    fn happen(&self) {
        let first = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.gate.open.store(true, Ordering::Release);
        self.gate.work.wake();
        if let Some(mut first) = first {
            let done = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(done.is_ready());
        }
    }
}
