//! What is measured of wait groups.

use std::sync::{Mutex, PoisonError};

use super::news::{self, News};
use super::tools::{now, panics, queued};
use super::{Measurement, Verdict, check, list, scenario};
use crate::peers::{AsyncWaitGroup, ReusableWaitGroup};
use crate::scenarios::any_wait_group;

/// Of every wait group.
pub(super) fn every<W: AsyncWaitGroup>() -> Vec<Measurement> {
    let mut all = list! {
        "empty", empty::<W>, "Waiting for nobody ends at once",
            "One poll, of a group that never had a token.";
        "last", last::<W>, "A wait ends with the last token, not before",
            "Three tokens, polled after each.";
        "panic", worker_panics::<W>, "A worker that panics counts as done",
            "A token is dropped by unwinding.";
        "s33", || scenario!(any_wait_group::s33_ten_workers::<W, _>), "Scenario S33: ten workers",
            "Each sleeps for 10 ms with a token.";
        "s35", || scenario!(any_wait_group::s35_three_waiters::<W, _>), "Scenario S35: three waiters",
            "In a task each.";
        "s37", || scenario!(any_wait_group::s37_panic_and_abort::<W, _>), "Scenario S37: a panic and an abort",
            "Of tasks that hold tokens.";
    };
    all.extend(news::of_all_news::<LastToken<W>>());
    all.extend(news::of_those_who_may_leave::<LastToken<W>>());
    all.extend(news::of_those_who_keep_it::<LastToken<W>>());
    all.extend(news::of_own_futures::<LastToken<W>>());
    all
}

/// The news that the only token is gone.
struct LastToken<W: AsyncWaitGroup> {
    group: W,
    token: Mutex<Option<W::Token>>,
}

impl<W: AsyncWaitGroup> News for LastToken<W> {
    fn new(_: usize) -> Self {
        let group = W::new();
        let token = Mutex::new(Some(group.token()));
        LastToken { group, token }
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.group.wait()
    }

    fn happen(&self) {
        // Not under the lock: wakers run.
        let token = self
            .token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(token);
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
