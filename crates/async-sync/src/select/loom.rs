//! Selects under every interleaving of two or three threads.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::ready::Ready;
use super::{SelectSet, once, repeat, select_all, send};
use crate::channel;
use crate::{Event, Mutex, Semaphore};
use sync_core::model::{Task, block_on, model};

/// Waits by the wakers of `ready` until the cases in `wanted` have been marked, and `seen` was told.
async fn all_marked(ready: &mut Ready, mut wanted: Vec<usize>, mut seen: impl FnMut(usize)) {
    poll_fn(|cx| {
        loop {
            ready.drain(|_, case| {
                seen(case);
                wanted.retain(|&other| other != case);
            });
            if wanted.is_empty() {
                return Poll::Ready(());
            }
            if ready.sleep(cx.waker()) {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// What happened before a case's waker was called is seen by who is told of the case; no mark is lost.
#[test]
fn a_wake_up_happens_before_the_poll() {
    model(|| {
        let mut ready = Ready::new(2);
        let cells = Arc::new([UnsafeCell::new(0), UnsafeCell::new(0)]);
        let threads: Vec<_> = (0..2)
            .map(|case| {
                let waker = Waker::clone(&ready.waker(case));
                let cells = Arc::clone(&cells);
                thread::spawn(move || {
                    // SAFETY: read only after the wake-up; loom checks it.
                    cells[case].with_mut(|cell| unsafe { *cell = 1 });
                    waker.wake();
                })
            })
            .collect();
        block_on(all_marked(&mut ready, vec![0, 1], |case| {
            // SAFETY: as above.
            assert_eq!(cells[case].with(|cell| unsafe { *cell }), 1);
        }));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Two wake-ups of one case: the second one finds it marked, and what it tells of is seen all the same.
#[test]
fn a_wake_up_that_finds_the_case_marked() {
    model(|| {
        let mut ready = Ready::new(1);
        let told = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let waker = Waker::clone(&ready.waker(0));
                let told = Arc::clone(&told);
                thread::spawn(move || {
                    // Relaxed: it is the wake-up that has to order it.
                    told.fetch_add(1, Ordering::Relaxed);
                    waker.wake_by_ref();
                })
            })
            .collect();
        block_on(poll_fn(|cx| {
            loop {
                let mut marked = false;
                ready.drain(|_, _| marked = true);
                if marked && told.load(Ordering::Relaxed) == 2 {
                    return Poll::Ready(());
                }
                if ready.sleep(cx.waker()) {
                    return Poll::Pending;
                }
            }
        }));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// The task's waker changes while a case is woken: the last one is called.
#[test]
fn the_task_changes_while_it_is_woken() {
    model(|| {
        let mut ready = Ready::new(1);
        let (first, second) = (Task::new(), std::sync::Arc::new(Task::new()));
        fn register(ready: &mut Ready, task: &Task) -> bool {
            let mut marked = false;
            let polled = task.poll(std::pin::pin!(poll_fn(|cx| {
                ready.drain(|_, _| marked = true);
                if marked || !ready.sleep(cx.waker()) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })));
            polled.is_ready()
        }
        assert!(!register(&mut ready, &first));
        let waker = Waker::clone(&ready.waker(0));
        let waking = thread::spawn(move || waker.wake());
        let task = std::sync::Arc::clone(&second);
        let polling = thread::spawn(move || (register(&mut ready, &task), ready));
        waking.join().unwrap();
        let (came, ready) = polling.join().unwrap();
        assert!(came || second.wakes() > 0, "nobody polls it any more");
        drop(ready);
    });
}

/// The select is dropped while its cases are woken: the last one frees what they share, and the task is
/// not kept. (The checks are loom's: of accesses, and of what is leaked.)
#[test]
fn dropped_while_it_is_woken() {
    model(|| {
        let ready = Ready::new(2);
        assert!(ready.sleep(Waker::noop()));
        let wakers = [0, 1].map(|case| Waker::clone(&ready.waker(case)));
        let mut threads: Vec<_> = (wakers.into_iter())
            .map(|waker| thread::spawn(move || waker.wake()))
            .collect();
        threads.push(thread::spawn(move || drop(ready)));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Whichever case is first, the other one gives back what it has.
#[test]
fn losers_give_back() {
    model(|| {
        let shared = Arc::new((Mutex::new(()), Semaphore::new(1)));
        let guard = shared.0.try_lock().unwrap();
        shared.1.try_acquire().unwrap().forget();
        let select = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (lock, acquire) = (shared.0.lock(), shared.1.acquire());
                let cases: [std::pin::Pin<Box<dyn Future<Output = ()> + '_>>; 2] = [
                    Box::pin(async move { drop(lock.await) }),
                    Box::pin(async move { drop(acquire.await) }),
                ];
                let (_, ()) = block_on(select_all(cases));
            })
        };
        let giving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.1.release(1))
        };
        drop(guard);
        select.join().unwrap();
        giving.join().unwrap();
        assert!(shared.0.try_lock().is_some());
        assert_eq!((shared.0.waiters(), shared.1.waiters()), (0, 0));
        assert_eq!(shared.1.available(), 1);
    });
}

/// A select that is dropped as one of its cases comes, with another one in the queue behind.
#[test]
fn cancel_passes_on() {
    model(|| {
        let shared = Arc::new((Mutex::new(()), Event::new()));
        let guard = shared.0.try_lock().unwrap();
        let leaver = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let lock = async { drop(shared.0.lock().await) };
                let mut select = std::pin::pin!(select_all([lock]));
                let _ = Task::new().poll(select.as_mut());
            })
        };
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || drop(block_on(shared.0.lock())))
        };
        drop(guard);
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(shared.0.waiters(), 0);
        assert!(shared.0.try_lock().is_some());
    });
}

/// A set takes what two threads send, one permit each, and misses none.
#[test]
fn a_set_misses_nothing() {
    model(|| {
        let shared = Arc::new([Semaphore::new(1), Semaphore::new(1)]);
        for semaphore in &*shared {
            semaphore.try_acquire().unwrap().forget();
        }
        let threads: Vec<_> = (0..2)
            .map(|n| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared[n].release(1))
            })
            .collect();
        // Two sources need two blocks here.
        let mut set = SelectSet::new();
        for semaphore in shared.iter() {
            set.add(repeat(move || async move {
                semaphore.acquire().await.map(|p| p.forget())
            }));
        }
        for _ in 0..2 {
            assert!(block_on(set.next()).is_some());
        }
        assert!(set.try_next().is_none());
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A source is added to a set, which has to grow, while another is woken.
#[test]
fn a_set_grows_while_it_is_woken() {
    model(|| {
        let event = Arc::new(Event::new());
        let mut set = SelectSet::new();
        set.add(once(event.wait()));
        assert!(
            set.poll_next(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        let setter = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.set())
        };
        set.add(once(event.wait()));
        let one = block_on(set.next());
        let two = block_on(set.next());
        assert!(one.is_some() && two.is_some() && one != two);
        assert!(block_on(set.next()).is_none());
        setter.join().unwrap();
    });
}

/// A value in a cell, which loom watches: what is done before it is sent is seen by who receives it.
struct Told(Arc<UnsafeCell<u32>>);

impl Told {
    fn new(value: u32) -> Self {
        let cell = Arc::new(UnsafeCell::new(0));
        // SAFETY: nobody else has it yet; loom checks it.
        cell.with_mut(|cell| unsafe { *cell = value });
        Told(cell)
    }
    fn value(self) -> u32 {
        // SAFETY: as above.
        self.0.with(|cell| unsafe { *cell })
    }
}

/// Two selects face each other on a rendezvous channel, each with another way out: both come to an end, and
/// what was sent was received, or is still there; not both, and not neither.
#[test]
fn selects_face_each_other() {
    model(|| {
        let (to, from) = channel::rendezvous();
        let stop = Arc::new(Event::new());
        let sender = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                block_on(async {
                    crate::select! {
                        sent = send(&to, Told::new(1)) => sent.is_ok(),
                        () = stop.wait() => false,
                    }
                })
            })
        };
        let receiver = {
            let (from, stop) = (from.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                block_on(async {
                    crate::select! {
                        told = from.recv() => told.map(Told::value),
                        () = stop.wait() => None,
                    }
                })
            })
        };
        stop.set();
        let (sent, received) = (sender.join().unwrap(), receiver.join().unwrap());
        let left = from.try_recv().ok().map(Told::value);
        assert_eq!(usize::from(sent), received.iter().chain(&left).count());
        assert_eq!(from.waiters(), 0);
    });
}

/// The same without another way out: they come together.
#[test]
fn selects_come_together() {
    model(|| {
        let (to, from) = channel::rendezvous();
        let (back, answers) = channel::rendezvous();
        let other = thread::spawn(move || {
            block_on(async {
                crate::select! {
                    told = from.recv() => assert_eq!(told.map(Told::value), Some(1)),
                    sent = send(&back, Told::new(2)) => sent.unwrap(),
                }
            });
            (from, back)
        });
        let one = thread::spawn(move || {
            let sent = block_on(async {
                crate::select! {
                    sent = send(&to, Told::new(1)) => { sent.unwrap(); true }
                    told = answers.recv() => { assert_eq!(told.map(Told::value), Some(2)); false }
                }
            });
            (sent, to, answers)
        });
        let (from, _back) = other.join().unwrap();
        let (sent, _to, answers) = one.join().unwrap();
        // Each has done one thing. If both have sent, both items are there.
        let left = (from.try_recv().is_ok(), answers.try_recv().is_ok());
        assert!(!left.0 || sent, "what is left was sent");
        assert_eq!(from.waiters() + answers.waiters(), 0);
    });
}
