//! Other threads: wake-ups, spawns and timers from outside, and `block_on`.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use mini_executor::{Builder, block_on, run};
use runtime::{Spawn, Timer};

const MS: Duration = Duration::from_millis(1);

fn external() -> Builder {
    Builder::new().allow_external_wakes(true)
}

#[test]
fn an_external_wake_is_a_stall_by_default() {
    let (send, receive) = oneshot::channel();
    let (go, wait) = mpsc::channel::<()>();
    let sender = thread::spawn(move || {
        wait.recv().unwrap();
        let _ = send.send(1);
    });
    assert!(run(0, |_| receive).is_err());
    go.send(()).unwrap();
    sender.join().unwrap();
}

#[test]
fn an_external_wake_is_waited_for_if_allowed() {
    for delay in [0, 1, 20] {
        let (send, receive) = oneshot::channel();
        let sender = thread::spawn(move || {
            thread::sleep(delay * MS);
            send.send(1).unwrap();
        });
        assert_eq!(external().run(|_| receive).unwrap(), Ok(1));
        sender.join().unwrap();
    }
}

#[test]
fn tasks_can_be_spawned_from_outside() {
    let output = external().run(|rt| async move {
        let (send, receive) = oneshot::channel();
        let spawner = thread::spawn(move || {
            thread::sleep(5 * MS);
            drop(rt.spawn(async move { send.send(2).unwrap() }));
        });
        let output = receive.await.unwrap();
        spawner.join().unwrap();
        output
    });
    assert_eq!(output.unwrap(), 2);
}

#[test]
fn a_timer_set_from_outside_moves_time() {
    let elapsed = external().run(|rt| async move {
        let other = rt.clone();
        let sleeper = thread::spawn(move || {
            thread::sleep(5 * MS);
            block_on(other.sleep(Duration::from_secs(3600)));
        });
        // Pending until the other thread's sleep is over, polled only when it was woken.
        let (send, receive) = oneshot::channel();
        thread::spawn(move || {
            sleeper.join().unwrap();
            send.send(()).unwrap();
        });
        receive.await.unwrap();
        rt.elapsed()
    });
    assert_eq!(elapsed.unwrap(), Duration::from_secs(3600));
}

#[test]
fn many_external_wakes_lose_none() {
    let rounds = if cfg!(miri) { 10 } else { 200 };
    external()
        .run(|rt| async move {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    rt.spawn(async move {
                        for _ in 0..rounds {
                            let (send, receive) = oneshot::channel();
                            thread::spawn(move || send.send(()).unwrap());
                            receive.await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        })
        .unwrap();
}

#[test]
fn wakes_from_many_threads_during_the_run_are_safe() {
    run(0, |rt| async move {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let waker = waker.clone();
                thread::spawn(move || (0..1000).for_each(|_| waker.wake_by_ref()))
            })
            .collect();
        for _ in 0..1000 {
            rt.yield_now().await;
        }
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    })
    .unwrap();
}

#[test]
fn block_on_waits_for_other_threads() {
    let (send, receive) = oneshot::channel();
    let sender = thread::spawn(move || {
        thread::sleep(5 * MS);
        send.send(3).unwrap();
    });
    assert_eq!(block_on(receive), Ok(3));
    sender.join().unwrap();
}

#[test]
fn block_on_takes_re_entrant_and_spurious_wakes() {
    let mut polls = 0;
    let output = block_on(poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        let owned = cx.waker().clone();
        owned.wake();
        thread::current().unpark();
        if polls == 10 {
            Poll::Ready(polls)
        } else {
            Poll::Pending
        }
    }));
    assert_eq!(output, 10);
}

#[test]
fn block_on_polls_only_when_woken() {
    let polls = Arc::new(AtomicUsize::new(0));
    let (send, receive) = oneshot::channel::<()>();
    let (me, polled) = (thread::current(), Arc::clone(&polls));
    let sender = thread::spawn(move || {
        while polled.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        for _ in 0..10 {
            thread::sleep(MS);
            me.unpark();
        }
        send.send(()).unwrap();
    });
    let mut receive = pin!(receive);
    block_on(poll_fn(|cx| {
        let received = receive.as_mut().poll(cx);
        polls.fetch_add(1, Ordering::SeqCst);
        received
    }))
    .unwrap();
    assert_eq!(polls.load(Ordering::SeqCst), 2);
    sender.join().unwrap();
}

#[test]
fn block_on_can_be_nested() {
    let output = block_on(async {
        let (send, receive) = oneshot::channel();
        let sender = thread::spawn(move || {
            thread::sleep(5 * MS);
            send.send(4).unwrap();
        });
        // The inner call consumes the outer's park tokens, but not its wake-ups.
        let mut outer = pin!(async {
            let mut yields = 0;
            poll_fn(|cx| {
                yields += 1;
                cx.waker().wake_by_ref();
                if yields == 3 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            block_on(receive).unwrap()
        });
        let output = outer.as_mut().await;
        sender.join().unwrap();
        output
    });
    assert_eq!(output, 4);
}

#[test]
fn block_on_inside_of_a_run_and_a_run_inside_of_block_on() {
    let output = block_on(async {
        run(0, |rt| async move {
            let inner = block_on(async { 5 });
            rt.sleep(MS).await;
            inner
        })
        .unwrap()
    });
    assert_eq!(output, 5);
}

#[test]
fn a_leak_is_not_waited_for() {
    let error = external().fail_on_leaks(true).run(|rt| async move {
        drop(rt.spawn(pending::<()>()));
    });
    assert_eq!(error.unwrap_err().report().tasks.len(), 1);
}
