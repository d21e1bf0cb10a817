//! What is measured of barriers.

use std::task::{Context, Waker};

use super::news::{self, News};
use super::tools::{Polled, now, queued};
use super::{Measurement, Verdict, check, list, scenario};
use crate::peers::AsyncBarrier;
use crate::scenarios::any_event;

/// Of every barrier.
pub(super) fn every<B: AsyncBarrier>() -> Vec<Measurement> {
    let mut all = list! {
        "last", last::<B>, "A wait ends with the last party, not before; one party leads",
            "Three parties, polled after each arrival.";
        "rounds", rounds::<B>, "A barrier can be used again",
            "A hundred generations of three.";
        "own-round", own_round::<B>, "A wait ends with its own generation",
            "Of two parties one comes back before the other was polled.";
        "never-polled", never_polled::<B>, "A party that was never polled has not arrived",
            "One is made and kept; the other must wait.";
        "party-cancel", cancelled::<B>, "A party that leaves is not counted as if it were there",
            "Of three, two arrive and one of them is dropped; with the third, nobody may be told that all have met.";
        "party-cancel-told", the_others_are_told::<B>, "... and does not keep the others waiting for ever",
            "Another comes for it: now all must have met, or been told that they will not.";
        "cancel-woken", a_party_that_leaves_late::<B>, "A party that leaves after the last has arrived changes nothing",
            "Of three, one is dropped before it was polled again; the other two have met, and the next three meet.";
        "cancel-waker", nothing_is_left::<B>, "A party that is dropped leaves nothing behind",
            "Clones of its waker are counted.";
        "s102", || scenario!(any_event::s102_in_step::<B, _>), "Scenario S102: in step",
            "Four tasks, 25 meetings, one leads each.";
    };
    all.extend(news::of_all_news::<Meeting<B>>());
    all.extend(news::of_those_who_keep_it::<Meeting<B>>());
    all
}

/// The news that the last party has come.
struct Meeting<B>(B);

impl<B: AsyncBarrier> News for Meeting<B> {
    fn new(waiters: usize) -> Self {
        Meeting(B::new(waiters + 1))
    }

    async fn wait(&self) {
        self.0.wait().await;
    }

    fn happen(&self) {
        // Between threads it may be the first to come.
        let mut last = std::pin::pin!(self.0.wait());
        let mut cx = Context::from_waker(Waker::noop());
        while last.as_mut().poll(&mut cx).is_pending() {
            std::thread::yield_now();
        }
    }
}

fn last<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(3);
    let mut first = queued(barrier.wait());
    let mut second = queued(barrier.wait());
    check!(first.poll().is_none(), "it ended early");
    let third = now(barrier.wait());
    let led = [first.served(), second.served(), third];
    check!(led.iter().all(Option::is_some), "it never ends");
    let leaders = led.iter().filter(|led| **led == Some(true)).count();
    check!(leaders == 1, "{leaders} lead");
    Verdict::kept()
}

/// Three meet; whether one of them led.
fn meet<B: AsyncBarrier>(barrier: &B) -> Option<bool> {
    let mut parties: Vec<_> = (0..2).map(|_| Polled::new(barrier.wait())).collect();
    let early: Vec<_> = parties.iter_mut().map(Polled::poll).collect();
    if early.iter().any(Option::is_some) {
        return None;
    }
    let mut led = now(barrier.wait())?;
    for party in &mut parties {
        led |= party.served()?;
    }
    Some(led)
}

fn rounds<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(3);
    for round in 0..100 {
        check!(meet(&barrier) == Some(true), "not in round {round}");
    }
    Verdict::kept()
}

fn own_round<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(2);
    let mut late = queued(barrier.wait());
    check!(now(barrier.wait()).is_some(), "the last one waits");
    let mut next = queued(barrier.wait());
    check!(
        late.served().is_some(),
        "it waits for the next generation, too"
    );
    check!(next.poll().is_none(), "it has met somebody of the last one");
    check!(now(barrier.wait()).is_some(), "the last one waits");
    check!(next.served().is_some(), "it never ends");
    Verdict::kept()
}

fn never_polled<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(2);
    let _idle = barrier.wait();
    check!(now(barrier.wait()).is_none(), "it has arrived");
    Verdict::kept()
}

/// Two of three arrive, and one leaves; the third comes. Those who are left, and what they were told.
macro_rules! one_leaves {
    ($barrier:ident, $stays:ident, $third:ident, $told:ident) => {
        let mut $stays = queued($barrier.wait());
        drop(queued($barrier.wait()));
        let mut $third = Polled::new($barrier.wait());
        let mut $told = [None, $third.poll()];
        if $stays.task.woken() > 0 {
            $told[0] = $stays.poll();
        }
    };
}

fn cancelled<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(3);
    one_leaves!(barrier, stays, third, told);
    check!(
        !told.contains(&Some(true)),
        "two of three have met, says one that leads"
    );
    drop((stays, third));
    Verdict::kept()
}

fn the_others_are_told<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(3);
    one_leaves!(barrier, stays, third, told);
    check!(
        now(barrier.wait()).is_some(),
        "the one that comes for it waits"
    );
    for (party, told) in [&mut stays, &mut third].into_iter().zip(told) {
        check!(
            told.is_some() || party.served().is_some(),
            "somebody waits for ever"
        );
    }
    Verdict::kept()
}

fn a_party_that_leaves_late<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(3);
    let leaves = queued(barrier.wait());
    let mut stays = queued(barrier.wait());
    let led = now(barrier.wait());
    drop(leaves);
    check!(
        led.is_some() && stays.served().is_some(),
        "somebody waits for ever"
    );
    check!(meet(&barrier) == Some(true), "the next three do not meet");
    Verdict::kept()
}

fn nothing_is_left<B: AsyncBarrier>() -> Verdict {
    let barrier = B::new(3);
    let Polled { task, future } = queued(barrier.wait());
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    Verdict::kept()
}
