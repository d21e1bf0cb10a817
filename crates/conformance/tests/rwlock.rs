//! The reader-writer lock's scenarios, on every runtime.

use conformance::scenarios::rwlock::*;

macro_rules! with_every_policy {
    ($($policy:ident: $module:ident),* => $scenarios:tt) => {
        $(mod $module {
            use conformance::peers::rwlocks::$policy;
            use conformance::scenarios::any_rwlock::*;

            with_every_policy! { $policy $scenarios }
        })*
    };
    ($policy:ident { $($scenario:ident;)* }) => {
        conformance::on_every_runtime! { $($scenario = $scenario::<$policy, _>;)* }
    };
}

with_every_policy! {
    WritePreferring: write_preferring, ReadPreferring: read_preferring, Fifo: fifo,
    ReadMostly: read_mostly => {
        s22_readers_share;
        s23_the_last_reader;
        s24_enter_together;
        s31_try;
        r3_nobody_sees_half;
        s13_cancelled_waiters;
        a_cancelled_writer_lets_readers_in;
        a_downgrade_keeps_writers_out;
        an_upgrade_keeps_writers_out;
    }
}

mod bars_readers {
    use conformance::peers::rwlocks::{Fifo, ReadMostly, WritePreferring};
    use conformance::scenarios::any_rwlock::s29_a_writer_gets_in;

    conformance::on_every_runtime! {
        s29_write_preferring = s29_a_writer_gets_in::<WritePreferring, _>;
        s29_fifo = s29_a_writer_gets_in::<Fifo, _>;
        s29_read_mostly = s29_a_writer_gets_in::<ReadMostly, _>;
    }
}

conformance::on_every_runtime! {
    s27_unlock_of_unlocked;
    s29_readers_first;
    s31_what_it_says;
    futurelock_across_tasks;
    futurelock_in_one_task;
}

mod stalls {
    use std::sync::Arc;
    use std::time::Duration;

    use async_sync::rwlock::{
        Fifo, Policy, RawRwLock, ReadMostly, ReadPreferring, RwLock, WritePreferring,
    };
    use mini_executor::waiting_for;
    use runtime::{Spawn, Timer};

    /// What a task waits for that never comes, if any does.
    fn stall<F: Future<Output = ()> + 'static>(
        body: impl FnOnce(mini_executor::MiniRuntime) -> F,
    ) -> Option<String> {
        mini_executor::run(1, body)
            .err()
            .map(|stalled| stalled.to_string())
    }

    #[track_caller]
    fn is_about(stalled: Option<String>, what: &str) {
        let text = stalled.expect("it stalls");
        assert!(text.contains(what), "{text}");
    }

    /// S25: a reader that reads again while somebody waits to write.
    async fn nested_read<P: Policy>(rt: mini_executor::MiniRuntime) {
        let lock = Arc::new(RwLock::<_, P>::with_policy(0));
        let _outer = lock.read().await;
        let writer = rt.spawn({
            let lock = Arc::clone(&lock);
            async move { *lock.write().await += 1 }
        });
        rt.sleep(Duration::from_millis(200)).await;
        let inner = waiting_for("the nested read", lock.read()).await;
        drop((inner, _outer));
        writer.await.unwrap();
    }

    #[test]
    fn s25_a_nested_read() {
        is_about(stall(nested_read::<WritePreferring>), "the nested read");
        is_about(stall(nested_read::<Fifo>), "the nested read");
        is_about(stall(nested_read::<ReadMostly>), "the nested read");
        assert_eq!(stall(nested_read::<ReadPreferring>), None);
    }

    /// S26: a reader that wants to write (k8s 62464).
    #[test]
    fn s26_a_reader_that_writes() {
        fn check<P: Policy>() {
            let stalled = stall(|_| async {
                let lock = RwLock::<_, P>::with_policy(0);
                let _reads = lock.read().await;
                *waiting_for("the write", lock.write()).await += 1;
            });
            is_about(stalled, "the write");
        }
        check::<WritePreferring>();
        check::<ReadPreferring>();
        check::<Fifo>();
        check::<ReadMostly>();
    }

    /// S28: a writer that locks again, in either way.
    #[test]
    fn s28_a_writer_that_locks_again() {
        fn check<P: Policy>() {
            let twice = stall(|_| async {
                let lock = RawRwLock::<P>::new();
                lock.write().await;
                waiting_for("the second write", lock.write()).await;
            });
            is_about(twice, "the second write");
            let then_read = stall(|_| async {
                let lock = RawRwLock::<P>::new();
                lock.write().await;
                waiting_for("the read", lock.read()).await;
            });
            is_about(then_read, "the read");
        }
        check::<WritePreferring>();
        check::<ReadPreferring>();
        check::<Fifo>();
        check::<ReadMostly>();
    }

    /// S30, to the letter: a reader every 100 us and a writer every second, in virtual time; readers
    /// that take 1 ms never wait for each other.
    #[test]
    fn s30_readers_never_wait_for_each_other() {
        conformance::run::mini(|rt| async move {
            let lock = Arc::new(RwLock::new(0_u64));
            let readers = (0..50_u32).map(|n| {
                let (lock, rt) = (Arc::clone(&lock), rt.clone());
                async move {
                    rt.sleep(Duration::from_micros(100) * n).await;
                    let start = rt.now();
                    let _guard = lock.read().await;
                    assert_eq!(rt.now(), start, "a reader waited");
                    rt.sleep(Duration::from_millis(1)).await;
                }
            });
            conformance::all(&rt, readers).await;
            rt.sleep(Duration::from_secs(1)).await;
            let start = rt.now();
            *lock.write().await += 1;
            assert_eq!(rt.now(), start);
        });
    }
}
