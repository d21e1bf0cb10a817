//! What is measured of wait groups.

use std::pin::pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use super::counting;
use super::hostile::Script;
use super::polls::{judged, polled_after_completion};
use super::tools::{Polled, Task, now, panics, queued};
use super::{Measurement, Verdict, check, list, scenario};
use crate::peers::{AsyncWaitGroup, ReusableWaitGroup};
use crate::scenarios::any_wait_group;

/// Of every wait group.
pub(super) fn every<W: AsyncWaitGroup>() -> Vec<Measurement> {
    list! {
        "empty", empty::<W>, "Waiting for nobody ends at once",
            "One poll, of a group that never had a token.";
        "last", last::<W>, "A wait ends with the last token, not before",
            "Three tokens, polled after each.";
        "all-wake", all_wake::<W>, "All waiters are woken",
            "Forty of them, more than one batch of wakers.";
        "panic", worker_panics::<W>, "A worker that panics counts as done",
            "A token is dropped by unwinding.";
        "threads", threads::<W>, "Nothing is lost between threads",
            "A thread drops the token while another polls its first wait; 500 times.";
        "cancel", cancelled::<W>, "A waiter that is dropped leaves nothing behind",
            "Its waker is not kept, nor woken, and another waiter is served.";
        "leaked", leaked::<W>, "A waiter that is leaked does not hurt others",
            "The first of two.";
        "wake-reenters", wake_uses_it::<W>, "A waker may use the group that calls it",
            "`wake` waits for the group, by one poll.";
        "wake-panics", wake_panics::<W>, "A waker that panics costs nobody else a wake-up",
            "The first of forty waiters has one.";
        "spurious", spurious::<W>, "Spurious polls change nothing",
            "A thousand; no more than one clone of the waker is kept.";
        "another-waker", another_waker::<W>, "The waker of the last poll is woken",
            "A waiter is polled with one waker, then with another.";
        "after-completion", after_completion::<W>, "A poll after completion panics",
            "Instead of waiting for ever, or being ready again.";
        "allocations", allocations::<W>, "Waiting does not allocate",
            "A counting allocator around a wait that is polled once before and once after the last token; making group and token is not counted.";
        "s33", || scenario!(any_wait_group::s33_ten_workers::<W, _>), "Scenario S33: ten workers",
            "Each sleeps for 10 ms with a token.";
        "s35", || scenario!(any_wait_group::s35_three_waiters::<W, _>), "Scenario S35: three waiters",
            "In a task each.";
        "s37", || scenario!(any_wait_group::s37_panic_and_abort::<W, _>), "Scenario S37: a panic and an abort",
            "Of tasks that hold tokens.";
    }
}

/// Of those that have more than one round.
pub(super) fn reusable<W: ReusableWaitGroup>() -> Vec<Measurement> {
    list! {
        "rounds", rounds::<W>, "A group can be used again",
            "A hundred rounds.";
        "own-round", own_round::<W>, "A wait ends with its own round",
            "The last token goes, and a token of the next round is taken, before the waiter is polled.";
    }
}

fn empty<W: AsyncWaitGroup>() -> Verdict {
    check!(now(W::new().wait()).is_some(), "it waits");
    Verdict::kept()
}

fn last<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let tokens: Vec<_> = (0..3).map(|_| group.token()).collect();
    let mut waiter = queued(group.wait());
    for token in tokens {
        check!(waiter.poll().is_none(), "it ended early");
        let _ = waiter.task.woken();
        drop(token);
    }
    check!(waiter.served().is_some(), "it never ends");
    Verdict::kept()
}

fn all_wake<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let token = group.token();
    let mut waiters: Vec<_> = (0..40).map(|_| queued(group.wait())).collect();
    drop(token);
    let served = waiters.iter_mut().filter_map(Polled::served).count();
    check!(served == 40, "{served} of 40");
    Verdict::kept()
}

fn worker_panics<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let mut token = Some(group.token());
    let mut waiter = queued(group.wait());
    let panicked = panics(|| {
        let _token = token.take();
        panic!("worker");
    });
    assert!(panicked);
    check!(waiter.served().is_some(), "it never ends");
    Verdict::kept()
}

fn threads<W: AsyncWaitGroup>() -> Verdict {
    for _ in 0..500 {
        let group = W::new();
        let token = group.token();
        let mut waiter = Polled::new(group.wait());
        waiter.task.waker().wake_by_ref();
        let served = std::thread::scope(|scope| {
            scope.spawn(move || drop(token));
            waiter.served_within(Duration::from_secs(2))
        });
        check!(served.is_some(), "a wake-up is lost");
    }
    Verdict::kept()
}

fn cancelled<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let token = group.token();
    let Polled { task, future } = queued(group.wait());
    let mut other = queued(group.wait());
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    drop(token);
    check!(task.woken() == 0, "it is woken");
    check!(other.served().is_some(), "another is never served");
    Verdict::kept()
}

fn leaked<W: AsyncWaitGroup>() -> Verdict {
    // Leaked itself, so that what the leaked future borrows stays.
    let group: &'static W = Box::leak(Box::new(W::new()));
    let token = group.token();
    std::mem::forget(queued(group.wait()));
    let mut other = queued(group.wait());
    drop(token);
    check!(other.served().is_some(), "another is never served");
    Verdict::kept()
}

fn wake_uses_it<W: AsyncWaitGroup>() -> Verdict {
    let group = Arc::new(W::new());
    let token = group.token();
    let script = Script::on_wake({
        let group = Arc::clone(&group);
        Box::new(move || {
            let _ = now(group.wait());
        })
    });
    let mut hostile = Box::pin(group.wait());
    assert!(
        hostile
            .as_mut()
            .poll(&mut Context::from_waker(script.waker()))
            .is_pending()
    );
    let mut other = queued(group.wait());
    drop(token);
    check!(script.done(), "it is not woken");
    check!(other.served().is_some(), "another is never served");
    Verdict::kept()
}

fn wake_panics<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let token = group.token();
    let script = Script::on_wake(Box::new(|| panic!("wake")));
    let mut hostile = Box::pin(group.wait());
    assert!(
        hostile
            .as_mut()
            .poll(&mut Context::from_waker(script.waker()))
            .is_pending()
    );
    let mut waiters: Vec<_> = (0..40).map(|_| queued(group.wait())).collect();
    let _ = panics(|| drop(token));
    let _ = panics(|| drop(hostile));
    check!(script.done(), "it is not woken");
    let served = waiters.iter_mut().filter_map(Polled::served).count();
    check!(served == 40, "{served} of 40 are woken");
    Verdict::kept()
}

fn spurious<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let token = group.token();
    let mut waiter = queued(group.wait());
    for _ in 0..1000 {
        check!(waiter.poll().is_none(), "it ended early");
    }
    let kept = waiter.task.kept();
    check!(kept <= 1, "{kept} clones of the waker are kept");
    let _ = waiter.task.woken();
    drop(token);
    check!(waiter.served().is_some(), "it never ends");
    Verdict::kept()
}

fn another_waker<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    let token = group.token();
    let mut waiter = queued(group.wait());
    let old = std::mem::replace(&mut waiter.task, Task::new());
    assert!(waiter.poll().is_none());
    drop(token);
    check!(waiter.served().is_some(), "it is not woken");
    check!(old.woken() == 0, "the old waker is woken");
    Verdict::kept()
}

fn after_completion<W: AsyncWaitGroup>() -> Verdict {
    let group = W::new();
    polled_after_completion(pin!(group.wait()))
}

fn allocations<W: AsyncWaitGroup>() -> Verdict {
    assert!(
        counting::installed(),
        "this program does not count allocations"
    );
    let task = Task::new();
    let one_wait = || {
        let group = W::new();
        let mut token = Some(group.token());
        counting::allocations(|| {
            let mut waiter = pin!(group.wait());
            assert!(task.ready(waiter.as_mut()).is_none());
            drop(token.take());
            assert!(task.ready(waiter.as_mut()).is_some());
        })
    };
    judged(one_wait(), (0..100).map(|_| one_wait()).sum())
}

fn rounds<W: ReusableWaitGroup>() -> Verdict {
    let group = W::new();
    for round in 0..100 {
        let token = group.token();
        let mut waiter = queued(group.wait());
        drop(token);
        check!(waiter.served().is_some(), "round {round} never ends");
    }
    Verdict::kept()
}

fn own_round<W: ReusableWaitGroup>() -> Verdict {
    let group = W::new();
    let token = group.token();
    let mut waiter = queued(group.wait());
    drop(token);
    let _next = group.token();
    check!(
        waiter.served().is_some(),
        "the waiter of a round that is over waits for the next"
    );
    Verdict::kept()
}
