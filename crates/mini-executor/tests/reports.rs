//! Stall and leak reports: what they say, and when there is none.

use std::cell::Cell;
use std::future::pending;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::join;
use mini_executor::{Builder, MiniRuntime, RunError, run, waiting_for};
use runtime::{JoinHandle, Spawn, Timer};

const MS: Duration = Duration::from_millis(1);

fn leaks() -> Builder {
    Builder::new().fail_on_leaks(true)
}

struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_stall_lists_every_task() {
    let line = line!();
    let stalled = run(7, |rt| async move {
        let rt2 = rt.clone();
        let consumer = rt.named("consumer").spawn(async move {
            rt2.sleep(2 * MS).await;
            waiting_for("a message", pending::<()>()).await;
        });
        let _anonymous = rt.spawn(pending::<()>());
        consumer.await.unwrap();
    })
    .unwrap_err();

    let expected = format!(
        "all tasks are asleep at 2ms of virtual time, and no timer is set\n\
         \x20 task 0 (root) from {file}:{}:19, 1 poll, waits for task 1 `consumer`\n\
         \x20 task 1 `consumer` from {file}:{}:45, 2 polls, waits for a message\n\
         \x20 task 2 from {file}:{}:29, 1 poll\n\
         seed 7 repeats it",
        line + 1,
        line + 3,
        line + 7,
        file = file!(),
    );
    assert_eq!(stalled.to_string(), expected);
    assert_eq!(format!("{stalled:?}"), expected);

    assert_eq!((stalled.seed(), stalled.report().elapsed), (7, 2 * MS));
    let [root, consumer, anonymous] = stalled.tasks() else {
        panic!("{stalled}")
    };
    assert_eq!((root.id, consumer.id, anonymous.id), (0, 1, 2));
    assert_eq!(
        (consumer.name.as_deref(), anonymous.name.as_deref()),
        (Some("consumer"), None)
    );
    assert_eq!((consumer.polls, consumer.ready), (2, false));
    assert_eq!(consumer.spawned_at.line(), line + 3);
    assert_eq!(consumer.waits_for, ["a message"]);
    assert!(anonymous.waits_for.is_empty());
    assert_eq!(stalled.report().polls, 4);
}

/// Generic code that spawns is blamed where it spawns, and its caller's name sticks.
#[test]
fn names_and_places_pass_through_generic_code() {
    fn library<R: Spawn>(rt: &R) -> (u32, impl JoinHandle<()> + use<R>) {
        (line!(), rt.spawn(pending::<()>()))
    }
    let line = Cell::new(0);
    let stalled = run(0, |rt| {
        let (at, task) = library(&rt.named("worker"));
        line.set(at);
        task
    })
    .unwrap_err();
    // The scenario spawned before it gave its future, which is task 0 all the same.
    let [root, worker] = stalled.tasks() else {
        panic!("{stalled}")
    };
    assert_eq!(
        (root.id, worker.id, worker.name.as_deref()),
        (0, 1, Some("worker"))
    );
    assert_eq!(
        (worker.spawned_at.file(), worker.spawned_at.line()),
        (file!(), line.get())
    );
    assert_eq!(root.waits_for, ["task 1 `worker`"]);
}

#[test]
fn a_task_may_wait_for_several_things() {
    let stalled = run(0, |_| {
        let (one, two) = (
            waiting_for("one", pending::<()>()),
            waiting_for("two", pending::<()>()),
        );
        join(one, waiting_for(String::from("both"), two))
    })
    .unwrap_err();
    assert_eq!(stalled.tasks()[0].waits_for, ["one", "two", "both"]);
    assert!(
        stalled
            .to_string()
            .contains("waits for one and two and both\n")
    );
}

#[test]
fn a_note_goes_when_the_wait_is_over() {
    let stalled = run(0, |rt| async move {
        waiting_for("a finished sleep", rt.sleep(MS)).await;
        let dropped = rt
            .timeout(MS, waiting_for("a dropped future", pending::<()>()))
            .await;
        assert!(dropped.is_err());
        waiting_for("the end", pending::<()>()).await;
    })
    .unwrap_err();
    assert_eq!(stalled.tasks()[0].waits_for, ["the end"]);
}

#[test]
fn a_note_moves_with_its_future() {
    let stalled = run(0, |rt| async move {
        let mut wait = Box::pin(waiting_for("a guest", pending::<()>()));
        assert!(futures::poll!(&mut wait).is_pending());
        let host = rt.named("host").spawn(wait);
        let _ = host.await;
    })
    .unwrap_err();
    assert_eq!(stalled.tasks()[0].waits_for, ["task 1 `host`"]);
    assert_eq!(stalled.tasks()[1].waits_for, ["a guest"]);
}

#[test]
fn outside_of_a_run_waiting_for_only_waits() {
    let wait = waiting_for("nothing", async { 3 });
    assert_eq!(format!("{wait:?}"), "WaitingFor { what: \"nothing\", .. }");
    assert_eq!(mini_executor::block_on(wait), 3);
}

#[test]
fn a_cycle_of_two_tasks_is_a_stall() {
    let stalled = Builder::new().run(|rt| async move {
        let (to_one, one) = oneshot::channel::<()>();
        let (to_two, two) = oneshot::channel::<()>();
        let first = rt.spawn(async move {
            waiting_for("two", one).await.unwrap();
            to_two.send(()).unwrap();
        });
        two.await.unwrap();
        to_one.send(()).unwrap();
        first.await.unwrap();
    });
    let error = stalled.unwrap_err();
    assert!(matches!(&error, RunError::Stalled(stalled) if stalled.tasks().len() == 2));
    assert_eq!(error.report().tasks[1].waits_for, ["two"]);
    assert!(format!("{error:?}").starts_with("all tasks are asleep at 0ns"));
}

#[test]
fn stuck_futures_are_dropped_before_the_error_is_given() {
    let drops = Arc::new(AtomicUsize::new(0));
    let stalled = run(0, |rt| {
        let (root, task) = (CountDrop(drops.clone()), CountDrop(drops.clone()));
        async move {
            let _root = root;
            let waits = rt.spawn(async move {
                let _task = task;
                pending::<()>().await
            });
            waits.await.unwrap();
        }
    });
    assert!(stalled.is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

#[test]
fn destructors_that_panic_hide_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    // Neither the stall,
    let stalled = run(0, |_| async {
        let _bomb = Bomb;
        pending::<()>().await
    });
    assert_eq!(stalled.unwrap_err().tasks().len(), 1);
    // nor the first panic,
    let outcome = catch_unwind(|| {
        struct Twice(#[allow(dead_code, reason = "held for its destructor")] Bomb);
        impl Future for Twice {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                panic!("first")
            }
        }
        run(0, |_| Twice(Bomb))
    });
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"first"));
    // nor the output, if the destructor is that of a task which is left over.
    let output = run(0, |rt| async move {
        drop(rt.spawn_local(async {
            let _bomb = Bomb;
            pending::<()>().await
        }));
        rt.yield_now().await;
        3
    });
    assert_eq!(output.unwrap(), 3);
}

#[test]
fn leaks_are_reported() {
    let error = leaks()
        .seed(3)
        .run(|rt| async move {
            let sleeper = rt.clone();
            drop(
                rt.named("sleeper")
                    .spawn(async move { sleeper.sleep(5 * MS).await }),
            );
            drop(
                rt.named("stuck")
                    .spawn(waiting_for("nobody", pending::<()>())),
            );
            rt.sleep(MS).await;
        })
        .unwrap_err();
    assert!(matches!(error, RunError::Leaked(_)));
    let text = error.to_string();
    assert!(
        text.starts_with("tasks outlive the root future at 1ms of virtual time\n"),
        "{text}"
    );
    let [sleeper, stuck] = &error.report().tasks[..] else {
        panic!("{error}")
    };
    assert_eq!(sleeper.waits_for, ["a timer at 5ms"]);
    assert_eq!(stuck.waits_for, ["nobody"]);
    assert!(text.ends_with("seed 3 repeats it"), "{text}");
}

#[test]
fn tasks_that_were_told_to_stop_are_no_leak() {
    leaks().run_seeds(0..50, |rt| async move {
        let (stop, stopped) = oneshot::channel::<()>();
        drop(rt.spawn(async move {
            let _ = stopped.await;
        }));
        rt.spawn(pending::<()>()).abort();
        rt.yield_now().await;
        drop(stop);
    });
}

#[test]
fn without_the_check_leaks_are_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    let held = CountDrop(drops.clone());
    let mut handles = run(0, |rt| async move {
        let task = async move {
            let _held = held;
            pending::<()>().await
        };
        vec![rt.spawn(task)]
    })
    .unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert!(
        mini_executor::block_on(handles.remove(0))
            .unwrap_err()
            .is_aborted()
    );
}

#[test]
fn a_task_that_spawns_for_ever_after_the_end_reaches_the_limit() {
    fn again(rt: MiniRuntime) {
        let next = rt.clone();
        drop(rt.spawn(async move { again(next) }));
    }
    let error = leaks()
        .max_polls(500)
        .run(|rt| async move { again(rt) })
        .unwrap_err();
    assert!(matches!(error, RunError::PollLimit(_)), "{error}");
}

#[test]
fn the_root_future_may_borrow() {
    let text = String::from("borrowed");
    let local = Rc::new(5);
    let scenario = async |rt: MiniRuntime| (rt.timeout(MS, async { text.len() }).await, *local);
    assert_eq!(run(0, scenario).unwrap(), (Ok(8), 5));
}
