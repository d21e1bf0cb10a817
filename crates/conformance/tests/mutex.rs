//! The mutex's scenarios, on every runtime.

use conformance::scenarios::mutex::*;

macro_rules! with_every_policy {
    ($($policy:ident: $module:ident),* => $scenarios:tt) => {
        $(mod $module {
            use conformance::peers::mutexes::$policy;
            use conformance::scenarios::any_mutex::*;

            with_every_policy! { $policy $scenarios }
        })*
    };
    ($policy:ident { $($scenario:ident;)* }) => {
        conformance::on_every_runtime! { $($scenario = $scenario::<$policy, _>;)* }
    };
}

with_every_policy! {
    Adaptive: adaptive, Fifo: fifo, Barging: barging => {
        s1_counter;
        s6_no_cycle;
        s7_order;
        s13_cancelled_waiters;
        s14_try_lock;
        s19_time_limit;
        s21_philosophers;
    }
}

conformance::on_every_runtime! {
    s2_default;
    s3_unlock_of_unlocked;
    s4_any_task_unlocks;
    s4_guards_move;
    s8_newcomer_wins;
    s9_starving;
    s16_metrics;
    futurelock_in_one_task;
    futurelock_across_tasks;
    conditional_sections;
}

/// S11b, in virtual time only: where tasks may be polled more than a millisecond late, a waiter that
/// is, and loses, does not turn the lock starving.
#[test]
fn s11_ends_with_the_last() {
    conformance::run::mini(conformance::scenarios::mutex::s11_ends_with_the_last);
}

/// S5: locking again what one holds never ends, and the executor says so.
#[test]
fn s5_a_second_lock_stalls() {
    let stalled = mini_executor::run(1, |_| async {
        let mutex = async_sync::Mutex::new(());
        let _first = mutex.lock().await;
        let _second = mini_executor::waiting_for("the lock that it holds", mutex.lock()).await;
    })
    .unwrap_err();
    assert!(
        stalled.to_string().contains("the lock that it holds"),
        "{stalled}"
    );
}

/// S6: two tasks that lock two mutexes in opposite orders are both reported.
#[test]
fn s6_a_cycle_is_reported() {
    use runtime::{Spawn, Timer};
    use std::{sync::Arc, time::Duration};
    let stalled = mini_executor::run(1, |rt| async move {
        let police = Arc::new(async_sync::Mutex::new(()));
        let property = Arc::new(async_sync::Mutex::new(()));
        let wants = |first: &Arc<async_sync::Mutex<()>>, second: &Arc<async_sync::Mutex<()>>| {
            let (first, second, rt) = (Arc::clone(first), Arc::clone(second), rt.clone());
            rt.clone().spawn(async move {
                let _first = first.lock().await;
                rt.sleep(Duration::from_secs(5)).await;
                let _second = second.lock().await;
            })
        };
        let tasks = [wants(&police, &property), wants(&property, &police)];
        for task in tasks {
            task.await.unwrap();
        }
    })
    .unwrap_err();
    assert_eq!(
        stalled.tasks().len(),
        3,
        "both, and the one that waits for them: {stalled}"
    );
}
