//! What only some selects have: bodies, any number of cases, selecting again.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::{AutoEvent, Semaphore, channel};

use super::super::tools::queued;
use super::super::{Measurement, Verdict, check, list};
use super::{Taken, bell_among};
use crate::peers::{Case, SelectAgain, SelectMany, SelectWithBody};

/// Of those with code that runs in place.
pub(in super::super) fn with_body<S: SelectWithBody>() -> Vec<Measurement> {
    list! {
        "body-losers", losers_are_gone_in_the_body::<S>, "Losers are out of their queues before the body runs",
            "The body looks at the semaphore that three of the cases wait for.";
        "body-futurelock", no_futurelock_in_the_body::<S>, "No futurelock in the body, with anybody's lock",
            "Oxide's RFD 609: a case waits for tokio's mutex, another is first, and its body waits for that mutex.";
    }
}

/// Of those that take any number.
pub(in super::super) fn many<S: SelectMany>() -> Vec<Measurement> {
    list! {
        "many-polls", only_who_is_woken_is_polled::<S>, "Among a thousand cases only those that were woken are polled",
            "One of a thousand is woken; polls of all of them are counted.";
        "many-one", || one_of_many::<S>(), "... and one of them commits",
            "A thousand receives of a channel each; ten have an item: nine are left.";
    }
}

/// Of those that can select again without beginning anew.
pub(in super::super) fn again<S: SelectAgain>() -> Vec<Measurement> {
    list! {
        "again", a_place_is_kept::<S>, "Who selects again and again by reference keeps its place",
            "A loop waits for a permit and for a bell, which rings three times; somebody else queues for the permit after the first time.";
    }
}

fn losers_are_gone_in_the_body<S: SelectWithBody>() -> Verdict {
    let (places, bell) = (Taken::new(), AutoEvent::new());
    let mut select = queued(S::first_then(bell_among(&places, bell.wait()), |_| {
        ready(places.0.waiters())
    }));
    bell.set();
    let left = select.served();
    check!(
        left == Some(0),
        "{} losers of 3 are still queued",
        left.unwrap_or(3)
    );
    Verdict::kept()
}

fn no_futurelock_in_the_body<S: SelectWithBody>() -> Verdict {
    let (lock, bell) = (tokio::sync::Mutex::new(()), AutoEvent::new());
    let held = lock.try_lock();
    let cases: [Case<'_, ()>; 4] = [
        Box::pin(bell.wait()),
        Box::pin(async { drop(lock.lock().await) }),
        Box::pin(pending()),
        Box::pin(pending()),
    ];
    let mut select = queued(S::first_then(cases, |picked| {
        assert_eq!(picked, 0);
        async { drop(lock.lock().await) }
    }));
    bell.set();
    check!(select.poll().is_none(), "the mutex is not locked");
    drop(held);
    check!(
        select.served().is_some(),
        "the body never gets the mutex: it was given to a loser"
    );
    Verdict::kept()
}

fn only_who_is_woken_is_polled<S: SelectMany>() -> Verdict {
    let bells: Vec<_> = (0..1000).map(|_| AutoEvent::new()).collect();
    let polls = AtomicUsize::new(0);
    let polls = &polls;
    let cases = bells
        .iter()
        .map(|bell| {
            let mut wait = Box::pin(bell.wait());
            let counted = std::future::poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                wait.as_mut().poll(cx)
            });
            Box::pin(counted) as Case<'_, ()>
        })
        .collect();
    let mut select = queued(S::first_of(cases));
    polls.store(0, Ordering::SeqCst);
    bells[700].set();
    let first = select.served();
    check!(first == Some((700, ())), "the first is {first:?}");
    let polls = polls.load(Ordering::SeqCst);
    check!(polls == 1, "{polls} polls");
    Verdict::kept()
}

fn one_of_many<S: SelectMany>() -> Verdict {
    let channels: Vec<_> = (0..1000).map(|_| channel::bounded(1)).collect();
    let cases = channels
        .iter()
        .map(|(_, rx)| Box::pin(rx.recv()) as Case<'_, _>)
        .collect();
    let mut select = queued(S::first_of(cases));
    for (tx, _) in channels.iter().step_by(100) {
        assert!(tx.try_send(()).is_ok());
    }
    check!(select.served().is_some(), "it is not woken");
    let left: usize = channels.iter().map(|(_, rx)| rx.len()).sum();
    check!(left == 9, "{left} items are left");
    Verdict::kept()
}

fn a_place_is_kept<S: SelectAgain>() -> Verdict {
    let (place, bell) = (Semaphore::new(1), AutoEvent::new());
    let held = place.try_acquire();
    let mut select = queued(S::acquire_among(&place, &bell));
    let mut later = None;
    for _ in 0..3 {
        bell.set();
        check!(select.task.woken() > 0, "the bell is not heard");
        check!(select.poll().is_none(), "it has a permit that is out");
        later = later.or_else(|| Some(queued(place.acquire())));
    }
    drop(held);
    let later = later.map_or(0, |later| later.task.woken());
    check!(later == 0, "who came later is first");
    check!(select.served().is_some(), "it is never served");
    Verdict::kept()
}
