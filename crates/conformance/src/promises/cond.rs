//! What is measured of condition variables.

use std::time::{Duration, Instant};

use super::news::{self, News};
use super::tools::{KEPT, Polled, now, panics, queued};
use super::{Measurement, Verdict, check, list};
use crate::peers::AsyncCond;

/// Of every condition variable.
pub(super) fn every<C: AsyncCond>() -> Vec<Measurement> {
    let mut all = list! {
        "lets-go", lets_go::<C>, "A wait lets go of the lock, and ends with it",
            "Another locks while it waits; after the call nobody can.";
        "not-kept", a_call_is_not_kept::<C>, "A call that finds nobody is not kept",
            "It is called, then waited for.";
        "in-order", in_order::<C>, "Calls reach the waiters in the order in which they came",
            "Sixteen wait. After each call those that were woken are polled, the last one first.";
        "first-called", the_first_are_called::<C>, "... also several calls at once",
            "Sixteen wait, six calls; those that were woken are polled, the last one first, until nobody is woken: the first six must have been served.";
        "never-polled", never_polled::<C>, "A wait that was never polled takes no call",
            "One is made and kept, and dropped; then another waits, and is called.";
        "cancel-queued", a_cancelled_waiter::<C>, "A waiter that is dropped takes no call with it",
            "Of two the first is dropped, then one is called.";
        "cancel-woken", a_cancelled_called_waiter::<C>, "... also when it has been called",
            "Of three the first two are dropped, each after the call has come to it.";
        "cancel-relocking", a_cancelled_relocking_waiter::<C>, "... also when it waits for its lock",
            "The lock is held, so that the waiter that is called has to wait for it; there it is dropped.";
        "herd", a_herd::<C>, "A call of all does not wake all while the lock is held",
            "Sixty-four wait, and are called by the owner; kept if no more than eight are woken before it unlocks.";
        "exclusion", one_at_a_time::<C>, "Those who are called come back one at a time",
            "Forty wait, and are called; each must have the lock for itself.";
        "rounds", rounds::<C>, "A call of all can be repeated",
            "A hundred times three waiters.";
        "lost", nothing_is_lost::<C>, "No call is lost between unlocking and waiting",
            "A thread changes the number under the lock and calls, while another waits for that; 500 times.";
        "owner-panics", an_owner_panics::<C>, "A panic of who has come back gives the lock back",
            "Then another one is called.";
    };
    all.extend(news::of_all_news::<Calls<C>>());
    all.extend(news::of_those_who_may_leave::<Calls<C>>());
    all
}

/// The news that all are called.
struct Calls<C>(C);

impl<C: AsyncCond> News for Calls<C> {
    fn new(_: usize) -> Self {
        Calls(C::new())
    }

    async fn wait(&self) {
        wait(&self.0).await;
    }

    fn happen(&self) {
        self.0.notify_all();
    }
}

/// Locks, waits, and lets go.
async fn wait<C: AsyncCond>(cond: &C) {
    let guard = cond.lock().await;
    drop(cond.wait(guard).await);
}

fn lets_go<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let guard = now(cond.lock()).expect("nobody is there");
    let mut waiter = queued(cond.wait(guard));
    check!(now(cond.lock()).is_some(), "the lock is held");
    cond.notify_one();
    let guard = waiter.served();
    check!(guard.is_some(), "it never ends");
    check!(now(cond.lock()).is_none(), "the lock is free");
    drop(guard);
    check!(now(cond.lock()).is_some(), "the lock is held");
    Verdict::kept()
}

fn a_call_is_not_kept<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    cond.notify_one();
    cond.notify_all();
    check!(now(wait(&cond)).is_none(), "it is");
    Verdict::kept()
}

/// Polls those that are woken, the last one first, until nobody is; who was served, in this order.
fn serve<F: Future>(waiters: &mut [Polled<F>]) -> Vec<usize> {
    let mut order = Vec::new();
    loop {
        let woken = |it: &Polled<F>| it.future.is_some() && it.task.woken() > 0;
        let Some(n) = waiters.iter().rposition(woken) else {
            return order;
        };
        if waiters[n].poll().is_some() {
            order.push(n);
        }
    }
}

fn in_order<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let mut waiters: Vec<_> = (0..16).map(|_| queued(wait(&cond))).collect();
    let mut order = Vec::new();
    for _ in 0..16 {
        cond.notify_one();
        order.extend(serve(&mut waiters));
    }
    check!(
        order == (0..16).collect::<Vec<_>>(),
        "16 waiters were called in the order {order:?}"
    );
    Verdict::kept()
}

fn the_first_are_called<C: AsyncCond>() -> Verdict {
    loop {
        let cond = C::new();
        let mut waiters: Vec<_> = (0..16).map(|_| queued(wait(&cond))).collect();
        let begun = Instant::now();
        for _ in 0..6 {
            cond.notify_one();
        }
        let mut called = serve(&mut waiters);
        if begun.elapsed() > KEPT {
            continue; // This thread was stopped for so long: once more.
        }
        called.sort_unstable();
        check!(
            called == (0..6).collect::<Vec<_>>(),
            "six calls reached the waiters {called:?}"
        );
        return Verdict::kept();
    }
}

fn never_polled<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let guard = now(cond.lock()).expect("nobody is there");
    drop(cond.wait(guard));
    let mut waiter = queued(wait(&cond));
    cond.notify_one();
    check!(waiter.served().is_some(), "the call is lost");
    Verdict::kept()
}

fn a_cancelled_waiter<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let first = queued(wait(&cond));
    let mut second = queued(wait(&cond));
    drop(first);
    cond.notify_one();
    check!(second.served().is_some(), "the call is lost");
    Verdict::kept()
}

fn a_cancelled_called_waiter<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let first = queued(wait(&cond));
    let second = queued(wait(&cond));
    let mut third = queued(wait(&cond));
    cond.notify_one();
    drop(first);
    drop(second);
    check!(third.served().is_some(), "the call is lost");
    Verdict::kept()
}

fn a_cancelled_relocking_waiter<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let mut first = queued(wait(&cond));
    let mut second = queued(wait(&cond));
    let guard = now(cond.lock()).expect("nobody has it");
    cond.notify_one();
    check!(first.poll().is_none(), "two have the lock");
    drop(first);
    drop(guard);
    check!(second.served().is_some(), "the call is lost");
    Verdict::kept()
}

fn a_herd<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let mut waiters: Vec<_> = (0..64).map(|_| queued(wait(&cond))).collect();
    let guard = now(cond.lock()).expect("nobody has it");
    cond.notify_all();
    let woken = waiters.iter().filter(|it| it.task.woken() > 0);
    let woken: Vec<_> = woken.map(|it| it.task.clone()).collect();
    // They run, and find the lock held.
    for task in &woken {
        task.waker().wake_by_ref();
    }
    let early = serve(&mut waiters).len();
    check!(early == 0, "{early} came back beside the owner");
    drop(guard);
    let served = serve(&mut waiters).len();
    check!(served == 64, "{served} of 64 came back");
    check!(woken.len() <= 8, "{} of 64 are woken at once", woken.len());
    Verdict::Kept(format!("{} of 64 are woken at once", woken.len()))
}

fn one_at_a_time<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let mut waiters: Vec<_> = (0..40)
        .map(|_| {
            let guard = now(cond.lock()).expect("nobody has it");
            queued(cond.wait(guard))
        })
        .collect();
    cond.notify_all();
    for (n, waiter) in waiters.iter_mut().enumerate() {
        let guard = waiter.served();
        check!(guard.is_some(), "{n} of 40 came back");
        check!(now(cond.lock()).is_none(), "the lock is free");
    }
    Verdict::kept()
}

fn rounds<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    for round in 0..100 {
        let mut waiters: Vec<_> = (0..3).map(|_| queued(wait(&cond))).collect();
        cond.notify_all();
        let served = serve(&mut waiters).len();
        check!(served == 3, "{served} of 3 came back in round {round}");
    }
    Verdict::kept()
}

fn nothing_is_lost<C: AsyncCond>() -> Verdict {
    for _ in 0..500 {
        let cond = C::new();
        let mut waiter = Polled::new(async {
            let mut number = cond.lock().await;
            while *number == 0 {
                number = cond.wait(number).await;
            }
        });
        waiter.task.waker().wake_by_ref();
        let served = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut lock = Polled::new(cond.lock());
                lock.task.waker().wake_by_ref();
                if let Some(mut number) = lock.served_within(Duration::from_secs(2)) {
                    *number = 1;
                    drop(number);
                    cond.notify_one();
                }
            });
            waiter.served_within(Duration::from_secs(2))
        });
        check!(served.is_some(), "a call is lost");
    }
    Verdict::kept()
}

fn an_owner_panics<C: AsyncCond>() -> Verdict {
    let cond = C::new();
    let mut first = queued(async {
        let guard = cond.lock().await;
        let _guard = cond.wait(guard).await;
        panic!("owner");
    });
    let mut second = queued(wait(&cond));
    cond.notify_one();
    check!(panics(|| _ = first.poll()), "it never ends");
    cond.notify_one();
    check!(second.served().is_some(), "the next never ends");
    Verdict::kept()
}
