//! Selects: one commits, losers leave no trace, everybody gets a turn.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_sync::channel::{self, Receiver, Sender};
use async_sync::select::{Select, SelectSet, maybe, repeat, select_all, until_none};
use async_sync::{AutoEvent, Event, Mutex, Semaphore, select};
use runtime::JoinHandle;

use crate::{Runtime, all, until};

/// How a case is chosen.
pub trait Way: Send + Sync + 'static {
    /// Waits for the lock, a permit, or the stop; adds to the value in the first case, and says which it
    /// was.
    fn step(three: &Three) -> impl Future<Output = usize> + Send;
}

/// What the tasks of a crowd select among.
#[derive(Debug)]
pub struct Three {
    lock: Mutex<usize>,
    places: Semaphore,
    stop: Event,
}

/// By `select!`.
#[derive(Debug)]
pub struct ByMacro;

/// By `Select`.
#[derive(Debug)]
pub struct AtRunTime;

impl Way for ByMacro {
    async fn step(three: &Three) -> usize {
        select! {
            mut value = three.lock.lock() => {
                *value += 1;
                0
            }
            permit = three.places.acquire() => {
                // The losers are gone: the lock can be had here.
                *three.lock.lock().await += 1;
                drop(permit);
                1
            }
            () = three.stop.wait() => 2,
        }
    }
}

impl Way for AtRunTime {
    async fn step(three: &Three) -> usize {
        let mut select = Select::new();
        select.case(three.lock.lock(), |mut value| *value += 1);
        select.case(three.places.acquire(), drop);
        select.case(three.stop.wait(), |()| ());
        let (chosen, ()) = select.await;
        if chosen == 1 {
            *three.lock.lock().await += 1;
        }
        chosen
    }
}

/// Many tasks select among the same lock, permits and stop; some are aborted on the way.
///
/// # Panics
///
/// If a choice is lost or made twice, or something is left in a queue.
pub async fn a_crowd_selects<W: Way, R: Runtime>(rt: R) {
    let three = Arc::new(Three {
        lock: Mutex::new(0),
        places: Semaphore::new(2),
        stop: Event::new(),
    });
    let held = three.lock.lock().await;
    let permits = three.places.try_acquire_many(2);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (three, rt2) = (Arc::clone(&three), rt.clone());
            rt.spawn(async move {
                let mut done = 0;
                for round in 0..20 {
                    match W::step(&three).await {
                        2 => break,
                        _ => done += 1,
                    }
                    if round % 5 == 4 {
                        rt2.sleep(Duration::from_micros(30)).await;
                    }
                }
                done
            })
        })
        .collect();
    let leavers: Vec<_> = (0..3)
        .map(|_| {
            let three = Arc::clone(&three);
            rt.spawn(async move {
                // They only ever wait for what does not come.
                let places = async { three.places.acquire_many(2).await.map(drop) };
                let (_, _) = select_all([maybe(Some(places)), maybe(None)]).await;
                pending::<()>().await;
            })
        })
        .collect();
    until(&rt, || {
        three.lock.waiters() == 8 && three.places.waiters() == 11
    })
    .await;
    drop(held);
    for leaver in leavers {
        leaver.abort();
        assert!(leaver.await.expect_err("aborted").is_aborted());
    }
    drop(permits);
    rt.sleep(Duration::from_millis(1)).await;
    three.stop.set();
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("a task of the scenario panicked");
    }
    assert_eq!(*three.lock.lock().await, done);
    let waiters = three.lock.waiters() + three.places.waiters() + three.stop.waiters();
    assert_eq!((waiters, three.places.available()), (0, 2));
}

/// S78: of a hundred that are ready, and twenty that are absent, each that is there is chosen about as
/// often.
///
/// # Panics
///
/// If one is chosen much too often or too rarely, or an absent one at all.
pub async fn s78_fair_and_absent<R: Runtime>(_: R) {
    let events: Vec<_> = (0..100).map(|_| Event::new()).collect();
    events.iter().for_each(Event::set);
    let mut chosen = vec![0_u32; 120];
    for _ in 0..2000 {
        let cases = (0..120).map(|n| maybe(events.get(n).map(Event::wait)));
        chosen[select_all(cases).await.0] += 1;
    }
    assert!(chosen[100..].iter().all(|&n| n == 0));
    // Twenty each, give or take; the chance of one that is further off is one in a million or so.
    assert!(
        chosen[..100].iter().all(|n| (1..=48).contains(n)),
        "{chosen:?}"
    );
}

/// A set takes what thirty tasks signal, each at its own pace, and misses none.
///
/// # Panics
///
/// If one is missed, or comes from the wrong source. (A hang is reported by the runner.)
pub async fn a_set_gathers<R: Runtime>(rt: R) {
    const EACH: usize = 10;
    let bells: Arc<[AutoEvent; 30]> = Arc::new(std::array::from_fn(|_| AutoEvent::new()));
    let heard: Arc<[Semaphore; 30]> = Arc::new(std::array::from_fn(|_| Semaphore::new(1)));
    let ringers = (0..30_usize).map(|n| {
        let (bells, heard, rt) = (Arc::clone(&bells), Arc::clone(&heard), rt.clone());
        async move {
            for round in 0..EACH {
                heard[n].acquire().await.expect("nobody closes it").forget();
                if (n + round) % 3 == 0 {
                    rt.sleep(Duration::from_micros(10)).await;
                }
                bells[n].set();
            }
        }
    });
    let gather = {
        let (bells, heard) = (Arc::clone(&bells), Arc::clone(&heard));
        async move {
            let mut set: SelectSet<_> = bells.iter().map(|bell| repeat(|| bell.wait())).collect();
            let keys: Vec<_> = set.keys().collect();
            let mut count = vec![0; keys.len()];
            for _ in 0..keys.len() * EACH {
                let (key, ()) = set.next().await.expect("there are sources");
                let n = keys
                    .iter()
                    .position(|&other| other == key)
                    .expect("its key");
                count[n] += 1;
                heard[n].release(1);
                if count[n] == EACH {
                    assert!(set.remove(key));
                }
            }
            assert!(set.next().await.is_none());
            assert!(count.iter().all(|&count| count == EACH));
        }
    };
    let gather = rt.spawn(gather);
    all(&rt, ringers).await;
    gather.await.expect("the gatherer panicked");
    assert!(
        bells
            .iter()
            .all(|bell| bell.waiters() == 0 && !bell.is_set())
    );
}

/// A select that gives up after some time, and one that is in time; the losers are out of their queues.
///
/// # Panics
///
/// If either is not so.
pub async fn with_a_timeout<R: Runtime>(rt: R) {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().await;
    let late = rt.timeout(
        Duration::from_millis(5),
        select_all([lock.lock(), lock.lock()]),
    );
    assert!(late.await.is_err());
    assert_eq!(lock.waiters(), 0);
    let sleep = select! {
        _ = lock.lock() => false,
        () = rt.sleep(Duration::from_millis(5)) => true,
    };
    assert!(sleep);
    assert_eq!(lock.waiters(), 0);
    drop(held);
    let in_time = select_all([lock.lock()])
        .timeout(&rt, Duration::from_secs(1))
        .await;
    assert!(in_time.is_ok());
}

/// A task that holds a lock in a body while its loop's other future was given it: another task gets it.
///
/// # Panics
///
/// If not. (A hang is reported by the runner.)
pub async fn a_loser_does_not_keep_the_lock<R: Runtime>(rt: R) {
    let shared = Arc::new((Mutex::new(0), AutoEvent::new()));
    let tasks = (0..4).map(|_| {
        let (shared, rt) = (Arc::clone(&shared), rt.clone());
        async move {
            let (lock, bell) = &*shared;
            for _ in 0..10 {
                select! {
                    () = bell.wait() => *lock.lock().await += 1,
                    mut value = lock.lock() => {
                        *value += 1;
                        bell.set();
                        rt.sleep(Duration::from_micros(20)).await;
                    }
                }
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(*shared.0.lock().await, 40);
    assert_eq!(shared.0.waiters() + shared.1.waiters(), 0);
}

/// Tasks that face each other on rendezvous channels, each by a select that sends and receives.
///
/// # Panics
///
/// If an item is lost, comes twice, or out of order. (A hang is reported by the runner.)
pub async fn selects_face_each_other<R: Runtime>(rt: R) {
    const EACH: usize = 20;
    let (to_right, from_left) = channel::rendezvous::<usize>();
    let (to_left, from_right) = channel::rendezvous::<usize>();
    let side = |to: Sender<usize>, from: Receiver<usize>| async move {
        let (mut sent, mut got) = (0, Vec::new());
        while sent < EACH || got.len() < EACH {
            select! {
                done = select::send(&to, sent), if sent < EACH => {
                    done.expect("the other side is there");
                    sent += 1;
                }
                item = from.recv(), if got.len() < EACH => got.push(item.expect("it is open")),
            }
        }
        // Both stay until both have all.
        (got, to, from)
    };
    let sides = [side(to_right, from_right), side(to_left, from_left)];
    for (got, _, from) in all(&rt, sides).await {
        assert!(got.into_iter().eq(0..EACH));
        assert_eq!((from.len(), from.waiters()), (0, 0));
    }
}

/// S79, CH9: sends and receives on two channels, at run time, ten rounds, by several tasks: the first choice
/// is a send, and all that is received was sent, in order.
///
/// # Panics
///
/// If not.
pub async fn s79_sends_and_receives<R: Runtime>(rt: R) {
    let channels: [_; 2] = std::array::from_fn(|_| channel::bounded::<usize>(10));
    let mut sent = [Vec::new(), Vec::new()];
    for round in 0..10 {
        let mut select = Select::new();
        for (sender, receiver) in &channels {
            select.case(select::send(sender, round), |done| done.map(|()| None));
            select.case(receiver.recv(), Ok);
        }
        let (case, result) = select.await;
        match result.expect("both are open") {
            None => sent[case / 2].push(round),
            Some(item) => {
                assert!(round > 0, "the first is a send");
                assert_eq!(item, sent[case / 2].remove(0));
            }
        }
        rt.sleep(Duration::from_micros(1)).await;
    }
}

/// CH5, CH6: a set over the channels of a hundred producers, each of which closes its own: all items, each
/// producer's in order, and then the end, without a spin.
///
/// # Panics
///
/// If not.
pub async fn a_set_of_receivers<R: Runtime>(rt: R) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|n| channel::bounded(n % 3)).unzip();
    let producers = senders.into_iter().enumerate().map(|(n, sender)| {
        let rt = rt.clone();
        async move {
            for item in 0..5_usize {
                if (n + item) % 4 == 0 {
                    rt.sleep(Duration::from_micros(10)).await;
                }
                sender.send(item).await.expect("the receiver is there");
            }
        }
    });
    let gather = rt.spawn(async move {
        let mut set: SelectSet<_> = receivers.iter().map(|r| until_none(|| r.recv())).collect();
        let mut next: HashMap<_, _> = set.keys().map(|key| (key, 0)).collect();
        let mut items = 0;
        while let Some((key, item)) = set.next().await {
            let expected = next.get_mut(&key).expect("a key of the set");
            assert_eq!(item, *expected);
            *expected += 1;
            items += 1;
        }
        items
    });
    all(&rt, producers).await;
    assert_eq!(gather.await.expect("the gatherer panicked"), 500);
}
