//! Selects: four tasks on two channels, and among the same permits as plain waiters.

use shuttle::rand::{RngCore, thread_rng};
use sync_core::chance;

use super::*;
use crate::select::{SelectSet, repeat, select_all, send, until_none};

/// Cases are polled in an order that is part of the schedule. (Without a seed, it is always the same
/// under a model checker.)
fn seed() {
    chance::set_seed(Some(thread_rng().next_u64()));
}

/// Selects that face each other on rendezvous channels, four tasks on two channels: what was sent is what
/// was received, in the order of each sender, and nobody is left in a queue.
#[test]
fn selects_face_each_other() {
    check_random(|| {
        const EACH: usize = 3;
        seed();
        let (to_right, from_left) = channel::rendezvous::<(usize, usize)>();
        let (to_left, from_right) = channel::rendezvous::<(usize, usize)>();
        let received = Arc::new(std::sync::Mutex::new(Vec::new()));
        let all = Arc::clone(&received);
        run(4, move |n| {
            let (to, from) = if n % 2 == 0 {
                (&to_right, &from_right)
            } else {
                (&to_left, &from_left)
            };
            let (mut sent, mut got) = (0, Vec::new());
            block_on(async {
                while sent < EACH || got.len() < EACH {
                    crate::select! {
                        done = send(to, (n, sent)), if sent < EACH => {
                            done.unwrap();
                            sent += 1;
                        }
                        item = from.recv(), if got.len() < EACH => got.push(item.unwrap()),
                    }
                }
            });
            all.lock().unwrap().extend(got);
        });
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        let sent: Vec<_> = (0..4)
            .flat_map(|n| (0..EACH).map(move |i| (n, i)))
            .collect();
        assert_eq!(received, sent);
    });
}

/// Sets and dynamic selects among the same permits as plain waiters; some selects give up.
#[test]
fn selects_among_others() {
    check_random(|| {
        let pair = Arc::new([Semaphore::new(1), Semaphore::new(1)]);
        let shared = Arc::clone(&pair);
        run(4, move |n| match n {
            0 => {
                let mut set = SelectSet::new();
                for semaphore in shared.iter() {
                    set.add(repeat(move || semaphore.acquire()));
                }
                for _ in 0..3 {
                    let (_, permit) = block_on(set.next()).expect("two sources");
                    drop(permit.unwrap());
                }
            }
            1 => {
                for _ in 0..3 {
                    let cases = shared.iter().map(Semaphore::acquire);
                    drop(block_on(select_all(cases)).1.unwrap());
                }
            }
            2 => {
                for _ in 0..3 {
                    drop(glance(select_all(shared.iter().map(Semaphore::acquire))));
                }
            }
            _ => {
                for round in 0..3 {
                    drop(block_on(shared[round % 2].acquire()).unwrap());
                }
            }
        });
        for semaphore in pair.iter() {
            assert_eq!((semaphore.available(), semaphore.waiters()), (1, 0));
        }
    });
}

/// Selects that send to either of two channels, selects that receive from both, and of each some that give
/// up. A send that was not chosen did not happen, a receive that was not chosen took nothing: so what was
/// sent is what is received, and each item once.
fn selects_on_two_channels(capacity: usize) {
    check_random(move || {
        const EACH: usize = 3;
        seed();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..2).map(|_| channel::bounded(capacity)).unzip();
        // (Of the standard library: nothing is awaited under it.)
        let sent = Arc::new(std::sync::Mutex::new(Vec::new()));
        let received = Arc::new(std::sync::Mutex::new(Vec::new()));
        let sending = AtomicUsize::new(2);
        let (puts, gets, ends) = (Arc::clone(&sent), Arc::clone(&received), receivers.clone());
        run(4, move |n| match n {
            0 | 1 => {
                for round in 0..EACH {
                    let item = (n, round);
                    let both = select_all(senders.iter().map(|sender| send(sender, item)));
                    let done = if (n + round) % 2 == 0 {
                        glance(both)
                    } else {
                        Some(block_on(both))
                    };
                    if let Some((_, result)) = done {
                        result.unwrap();
                        puts.lock().unwrap().push(item);
                    }
                }
                if sending.fetch_sub(1, Ordering::SeqCst) == 1 {
                    for receiver in &receivers {
                        receiver.close();
                    }
                }
            }
            2 => {
                let mut set: SelectSet<_> = receivers
                    .iter()
                    .map(|receiver| until_none(|| receiver.recv()))
                    .collect();
                while let Some((_, item)) = block_on(set.next()) {
                    gets.lock().unwrap().push(item);
                }
            }
            _ => {
                for _ in 0..EACH {
                    let both = select_all(receivers.iter().map(|receiver| receiver.recv()));
                    if let Some((_, Some(item))) = glance(both) {
                        gets.lock().unwrap().push(item);
                    }
                }
            }
        });
        for end in &ends {
            assert_eq!((end.len(), end.waiters()), (0, 0));
        }
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        let mut sent = sent.lock().unwrap().clone();
        sent.sort_unstable();
        assert_eq!(received, sent);
    });
}

#[test]
fn selects_on_two_rendezvous() {
    selects_on_two_channels(0);
}

#[test]
fn selects_on_two_buffers() {
    selects_on_two_channels(1);
}
