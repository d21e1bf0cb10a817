//! The watch: what needs our own API. See [`any_token`](super::any_token) for the rest.

use std::sync::Arc;
use std::time::Duration;

use async_sync::{Context, Watch};

use crate::{Runtime, all, until};

/// AT2: one changes the configuration, three follow it until the service goes down.
///
/// # Panics
///
/// If somebody does not see the last configuration.
pub async fn at2_config_reload<R: Runtime>(rt: R) {
    #[derive(Clone, PartialEq, Debug)]
    struct Config {
        node: String,
        count: u32,
    }
    let service = Context::new();
    let config = Arc::new(Watch::new(Config {
        node: "北京".into(),
        count: 0,
    }));
    let followers: Vec<_> = (0..3)
        .map(|_| {
            let (mut config, ctx) = (config.subscribe_owned(), service.child());
            rt.spawn(async move {
                while let Ok(Ok(next)) = ctx.run(config.changed()).await {
                    assert_eq!(next.node, "北京");
                }
                config.borrow().count
            })
        })
        .collect();
    for _ in 0..5 {
        rt.sleep(Duration::from_millis(5)).await;
        config.send_modify(|config| config.count += 1);
    }
    service.cancel();
    for follower in followers {
        assert_eq!(follower.await.expect("a follower ends"), 5);
    }
    assert_eq!(config.waiters(), 0);
}

/// Read-modify-write by many: no increment is lost.
///
/// # Panics
///
/// If one is.
pub async fn compare_and_swap<R: Runtime>(rt: R) {
    let counter = Arc::new(Watch::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let (counter, rt) = (Arc::clone(&counter), rt.clone());
            async move {
                for _ in 0..10 {
                    if n % 2 == 0 {
                        let mut old = counter.load();
                        while let Err(error) = counter.compare_and_swap(&old, *old + 1) {
                            old = error.current;
                        }
                    } else {
                        counter.send_modify(|n| *n += 1);
                    }
                    rt.sleep(Duration::from_micros(50)).await;
                }
            }
        })
        .collect();
    all(&rt, tasks).await;
    assert_eq!((*counter.load(), counter.version()), (40, 40));
}

/// A reference to a value is kept across an await: it keeps nobody from storing.
///
/// # Panics
///
/// If it does. (A hang is reported by the runner.)
pub async fn a_reference_across_an_await<R: Runtime>(rt: R) {
    let watch = Arc::new(Watch::new(1));
    let mut rx = watch.subscribe();
    let value = rx.borrow();
    let storer = {
        let watch = Arc::clone(&watch);
        rt.spawn(async move {
            watch.store(2);
            watch.store(*watch.load() + 1);
        })
    };
    storer.await.expect("it ends");
    assert_eq!((*value, *watch.load()), (1, 3));
}

/// Waiting for a value that meets a condition.
///
/// # Panics
///
/// If it is missed. (A hang is reported by the runner.)
pub async fn wait_for<R: Runtime>(rt: R) {
    let state = Arc::new(Watch::new(0));
    let waits: Vec<_> = (1..4)
        .map(|goal| {
            let mut state = state.subscribe_owned();
            rt.spawn(async move { *state.wait_for(|n| *n >= goal).await.expect("it is open") })
        })
        .collect();
    until(&rt, || state.waiters() == 3).await;
    for n in 1..=3 {
        state.store(n);
        if n == 2 {
            rt.sleep(Duration::from_millis(1)).await;
        }
    }
    for (goal, wait) in (1..).zip(waits) {
        assert!(wait.await.expect("a wait ends") >= goal);
    }
}
