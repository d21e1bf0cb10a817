//! Tasks: panics, aborts, futures that are not `Send`, spawning at odd moments.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use futures::channel::oneshot;
use mini_executor::{MiniJoinHandle, MiniRuntime, MiniSleep, run, run_seeds};
use runtime::{JoinError, JoinHandle, Spawn};

fn panic_text(outcome: thread::Result<()>) -> String {
    let payload = outcome.unwrap_err();
    match payload.downcast::<&str>() {
        Ok(text) => String::from(*text),
        Err(payload) => *payload.downcast::<String>().unwrap(),
    }
}

#[test]
fn a_panic_in_a_task_reaches_its_handle_only() {
    run_seeds(0..20, |rt| async move {
        let bad = rt.spawn(async { panic!("bad") });
        let good = rt.spawn(async { 1 });
        assert_eq!(bad.await.unwrap_err().panic_message(), "bad");
        assert_eq!(good.await.unwrap(), 1);
        let local = rt.spawn_local(async { panic!("local") });
        assert_eq!(local.await.unwrap_err().panic_message(), "local");
    });
}

#[test]
fn a_panic_of_the_root_future_comes_out() {
    let drops = Arc::new(AtomicUsize::new(0));
    let held = drops.clone();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run(0, |rt| async move {
            let held = scopeguard(held);
            drop(rt.spawn(async move {
                let _held = held;
                pending::<()>().await
            }));
            rt.yield_now().await;
            panic!("root");
        })
        .unwrap()
    }));
    assert_eq!(panic_text(outcome), "root");
    assert_eq!(drops.load(Ordering::SeqCst), 1, "the other task is dropped");
}

fn scopeguard(count: Arc<AtomicUsize>) -> impl Send {
    struct CountDrop(Arc<AtomicUsize>);
    impl Drop for CountDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    CountDrop(count)
}

#[test]
fn a_panic_of_the_scenario_comes_out() {
    fn scenario(_: MiniRuntime) -> std::future::Ready<()> {
        panic!("scenario")
    }
    assert_eq!(
        panic_text(catch_unwind(|| run(0, scenario).unwrap())),
        "scenario"
    );
}

/// The seed of a panic goes to stderr: seen from outside, by a child process.
#[test]
#[cfg_attr(miri, ignore = "miri cannot start a process")]
fn the_seed_of_a_panic_is_printed() {
    if std::env::var_os("MINI_EXECUTOR_TEST_PANIC").is_some() {
        let _ = run(1234, |_| async { panic!("in the child") });
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_seed_of_a_panic_is_printed", "--nocapture"])
        .env("MINI_EXECUTOR_TEST_PANIC", "1")
        .output()
        .unwrap();
    assert!(!child.status.success());
    let stderr = String::from_utf8(child.stderr).unwrap();
    assert!(
        stderr.contains("mini-executor: the run panicked; seed 1234 repeats it\n"),
        "{stderr}"
    );
}

#[test]
fn abort_ends_a_task_wherever_it_waits() {
    run_seeds(0..50, |rt| async move {
        let (_keep, never) = oneshot::channel::<()>();
        let task = rt.spawn(async move {
            never.await.unwrap();
        });
        if rt.seed() % 2 == 0 {
            rt.yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_aborted());
    });
}

#[test]
fn a_task_may_abort_itself() {
    run_seeds(0..20, |rt| async move {
        let (give, take) = oneshot::channel::<MiniJoinHandle<()>>();
        let (back, again) = oneshot::channel();
        let task = rt.spawn(async move {
            let me = take.await.unwrap();
            me.abort();
            assert!(!me.is_finished());
            assert!(back.send(me).is_ok());
            pending::<()>().await;
        });
        assert!(give.send(task).is_ok());
        assert!(again.await.unwrap().await.unwrap_err().is_aborted());
    });
}

#[test]
fn a_detached_task_runs_on() {
    run_seeds(0..20, |rt| async move {
        let (send, receive) = oneshot::channel();
        drop(rt.spawn(async move { send.send(5).unwrap() }));
        assert_eq!(receive.await, Ok(5));
    });
}

#[test]
fn local_tasks_spawn_local_tasks() {
    run_seeds(0..20, |rt| async move {
        let value = Rc::new(1);
        let inner = rt.clone();
        let outer = rt.spawn_local(async move {
            let task = inner.spawn_local(async move { Rc::new(*value + 1) });
            task.await.unwrap()
        });
        assert_eq!(*outer.await.unwrap(), 2);
    });
}

#[test]
fn spawn_local_on_another_thread_panics_clearly() {
    run(0, |rt| async move {
        let spawn = move || drop(rt.spawn_local(async {}));
        let text = panic_text(thread::spawn(spawn).join());
        assert_eq!(
            text,
            "spawn_local called on a thread other than the executor's"
        );
    })
    .unwrap();
}

#[test]
fn tasks_spawned_after_the_end_are_aborted() {
    let rt = run(0, |rt| async move { rt }).unwrap();
    assert!(
        mini_executor::block_on(rt.spawn(async {}))
            .unwrap_err()
            .is_aborted()
    );
    assert!(
        mini_executor::block_on(rt.spawn_local(async {}))
            .unwrap_err()
            .is_aborted()
    );
    assert_eq!(rt.metrics().alive, 0);
    rt.advance(std::time::Duration::from_secs(1));
}

/// Destructors that run at the end of a run may use the runtime: nothing is locked there.
#[test]
fn destructors_may_use_the_runtime() {
    struct Cleanup(MiniRuntime, Arc<AtomicUsize>);
    impl Drop for Cleanup {
        fn drop(&mut self) {
            let again = self.1.fetch_add(1, Ordering::SeqCst) < 3;
            let _ = self.0.metrics();
            if again {
                // Its destructor does the same once more.
                let next = Cleanup(self.0.clone(), self.1.clone());
                drop(self.0.spawn(async move { drop(next) }));
                let next = Cleanup(self.0.clone(), self.1.clone());
                drop(self.0.spawn_local(async move { drop(next) }));
            }
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    run(0, |rt| {
        let drops = drops.clone();
        async move {
            let cleanup = Cleanup(rt.clone(), drops);
            drop(rt.spawn(async move {
                let _cleanup = cleanup;
                pending::<()>().await
            }));
            rt.yield_now().await;
        }
    })
    .unwrap();
    assert!(drops.load(Ordering::SeqCst) > 3);
}

#[test]
fn wakers_may_be_called_inside_the_poll_and_after_the_end() {
    let waker = run(0, |rt| async move {
        let task = rt.spawn(async {
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                for _ in 0..5 {
                    cx.waker().wake_by_ref();
                    let owned = cx.waker().clone();
                    owned.wake();
                }
                if polls == 3 {
                    Poll::Ready(cx.waker().clone())
                } else {
                    Poll::Pending
                }
            })
            .await
        });
        let waker = task.await.unwrap();
        // The task has finished: this does nothing, now as after the run.
        waker.wake_by_ref();
        waker
    })
    .unwrap();
    waker.wake();
}

#[test]
fn runs_can_be_nested() {
    run_seeds(0..10, |outer| async move {
        // Tasks for the outer run may be spawned while the inner one runs.
        let rt = outer.clone();
        let mut for_outer = Vec::new();
        run(outer.seed() + 1, |inner| {
            for_outer.push(rt.spawn_local(async { 1 }));
            async move { assert_eq!(inner.spawn_local(async { 2 }).await.unwrap(), 2) }
        })
        .unwrap();
        assert_eq!(for_outer.remove(0).await.unwrap(), 1);
    });
}

#[test]
fn many_tasks() {
    let count = if cfg!(miri) { 100 } else { 10_000_u64 };
    let sum = run(5, |rt| async move {
        let tasks: Vec<_> = (0..count).map(|n| rt.spawn(async move { n })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum.unwrap(), (count - 1) * count / 2);
}

#[test]
fn auto_traits_and_debug() {
    fn send_sync<T: Clone + Send + Sync + 'static>() {}
    fn handle<T: JoinHandle<u8>>() {}
    fn send<T: Send + Unpin + 'static>() {}
    send_sync::<MiniRuntime>();
    handle::<MiniJoinHandle<u8>>();
    send::<MiniSleep>();
    send::<JoinError>();
    run(6, |rt| async move {
        assert!(format!("{rt:?}").starts_with("MiniRuntime { seed: 6, elapsed: 0ns, "));
        let task = rt.spawn(async {});
        assert_eq!(
            format!("{task:?}"),
            "MiniJoinHandle { id: Some(1), finished: false, .. }"
        );
    })
    .unwrap();
}
