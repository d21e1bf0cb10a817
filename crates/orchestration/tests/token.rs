//! `CancelToken`: no lost wake-up, no waker left behind, wakers that misbehave.

#![allow(missing_docs)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use async_sync::Context;

use common::{Rt, units, yield_now};
use orchestration::errgroup::{Builder, CancelPolicy, CancelToken};

on_every_runtime! {
    everybody_is_woken
    races_with_cancel
    a_context_fails_a_group
}

async fn everybody_is_woken<R: Rt>(rt: R) {
    let token = CancelToken::new();
    let waiters: Vec<_> = (0..50)
        .map(|n| {
            let (token, rt2) = (token.clone(), rt.clone());
            rt.spawn(async move {
                rt2.sleep(units(1) * (n % 4)).await;
                token.cancelled().await;
                // Completing again is fine, and at once.
                token.cancelled().await;
            })
        })
        .collect();
    rt.sleep(units(2)).await;
    token.cancel();
    token.cancel();
    for waiter in waiters {
        waiter.await.unwrap();
    }
}

async fn races_with_cancel<R: Rt>(rt: R) {
    for _ in 0..20 {
        let token = CancelToken::new();
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let token = token.clone();
                rt.spawn(async move {
                    drop(token.cancelled());
                    token.cancelled().await;
                })
            })
            .collect();
        yield_now().await;
        let canceller = rt.spawn(async move { token.cancel() });
        for waiter in waiters {
            waiter.await.unwrap();
        }
        canceller.await.unwrap();
    }
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_last_waker_is_woken_and_none_stays() {
    let token = CancelToken::new();
    let (old, new) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let mut waiting = Box::pin(token.cancelled());
    for counter in [&old, &new] {
        let waker = Waker::from(counter.clone());
        assert_eq!(
            waiting.as_mut().poll(&mut TaskContext::from_waker(&waker)),
            Poll::Pending
        );
    }
    assert_eq!(Arc::strong_count(&old), 1, "a replaced waker is dropped");
    {
        let gone = Arc::new(Counter::default());
        let waker = Waker::from(gone.clone());
        let mut dropped = Box::pin(token.cancelled());
        assert_eq!(
            dropped.as_mut().poll(&mut TaskContext::from_waker(&waker)),
            Poll::Pending
        );
        drop((dropped, waker));
        assert_eq!(
            Arc::strong_count(&gone),
            1,
            "a dropped future takes its waker along"
        );
    }
    token.cancel();
    assert_eq!(
        (old.0.load(Ordering::SeqCst), new.0.load(Ordering::SeqCst)),
        (0, 1)
    );
    assert_eq!(Arc::strong_count(&new), 1);
    let mut context = TaskContext::from_waker(Waker::noop());
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(()));
}

/// Uses the token from within its wake-up.
struct Reentrant(CancelToken);

impl Wake for Reentrant {
    fn wake(self: Arc<Self>) {
        self.0.cancel();
        assert!(self.0.is_cancelled());
        drop(self.0.cancelled());
    }
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("bad waker");
    }
}

#[test]
fn wakers_may_reenter_and_panic() {
    let token = CancelToken::new();
    let counter = Arc::new(Counter::default());
    let wakers = [
        Waker::from(Arc::new(Reentrant(token.clone()))),
        Waker::from(Arc::new(Panicking)),
        Waker::from(counter.clone()),
    ];
    let mut waiting: Vec<_> = wakers.iter().map(|_| Box::pin(token.cancelled())).collect();
    for (future, waker) in waiting.iter_mut().zip(&wakers) {
        assert_eq!(
            future.as_mut().poll(&mut TaskContext::from_waker(waker)),
            Poll::Pending
        );
    }
    let payload = catch_unwind(AssertUnwindSafe(|| token.cancel())).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"bad waker"));
    assert_eq!(counter.0.load(Ordering::SeqCst), 1);
}

/// A group's tokens are scopes below its context, round after round, of both flavours.
#[test]
fn a_group_in_a_context() {
    mini_executor::block_on(async {
        let root = Context::new().with_value(7);
        let rt = runtime::SmolRuntime::new();
        let mut spawned = Builder::new().context(&root).spawned::<_, u8>(rt);
        let mut local = Builder::<()>::new().context(&root).local::<u8>();
        for _ in 0..2 {
            spawned.spawn(async { Ok::<_, ()>(1) }).await.unwrap();
            assert_eq!(spawned.wait().await, Ok(vec![1]));
            local.spawn(async { Ok(1) }).await.unwrap();
            assert_eq!(local.wait().await, Ok(vec![1]));
            assert_eq!(root.children(), 2, "one token each");
        }
        assert_eq!(spawned.token().context().value(), Some(&7));
        let tokens = [spawned.token(), local.token()];
        root.cancel();
        assert!(tokens.iter().all(CancelToken::is_cancelled));
        let again = CancelToken::from(root.clone());
        assert!(Context::from(again).is_same(&root));
    });
}

/// S107: with a policy that aborts, the tasks of a group that fails with its context are dropped; with
/// one that signals, they are told.
async fn a_context_fails_a_group<R: Rt>(rt: R) {
    for policy in [CancelPolicy::Abort, CancelPolicy::Signal] {
        let request = Context::new();
        let builder = Builder::new().cancel(policy).context(&request);
        let group = builder.spawned::<_, ()>(rt.clone());
        let ends = group.fail_on_cancel(&request, ToString::to_string);
        let (told, told_in) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&told);
        let listens = move |token: CancelToken| async move {
            token.cancelled().await;
            yield_now().await;
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        group.spawn_with(listens).await.unwrap();
        if policy == CancelPolicy::Abort {
            let kept = Arc::clone(&told_in);
            let deaf = async move {
                let _kept = kept;
                std::future::pending().await
            };
            group.spawn(deaf).await.unwrap();
        }
        rt.sleep(units(1)).await;
        let canceller = rt.spawn(async move { request.cancel() });
        assert_eq!(group.join().await, Err("context canceled".to_owned()));
        assert!(canceller.await.unwrap());
        assert_eq!(Arc::strong_count(&told_in), 1, "the deaf one is gone");
        if policy == CancelPolicy::Signal {
            assert_eq!(told.load(Ordering::SeqCst), 1);
        }
        drop(ends);
    }
}

#[test]
fn threads() {
    for _ in 0..if cfg!(miri) { 5 } else { 200 } {
        let token = CancelToken::new();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| mini_executor::block_on(token.cancelled()));
            }
            scope.spawn(|| token.cancel());
        });
        let ready = pin!(token.cancelled()).poll(&mut TaskContext::from_waker(Waker::noop()));
        assert!(ready.is_ready());
    }
}
