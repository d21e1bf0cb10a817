//! Moments that threads hit by luck only, brought about by hooks: a waker whose clone cancels, a
//! runtime whose `spawn` fails the group. Found wanting by `cargo xtask mutants`.

mod common;

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use mini_executor::MiniRuntime;
use orchestration::errgroup::{Builder, CancelPolicy, CancelToken, ErrGroup, ErrGroupHandle};
use runtime::Spawn;

use common::{Rt, units};

/// A waker that cancels the token when it is cloned: between the first look at the flag and the
/// lock under which the waker is left.
fn cancels_when_cloned(token: &'static CancelToken) -> Waker {
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |token| {
            // SAFETY: made from a `'static` reference below.
            unsafe { &*token.cast::<CancelToken>() }.cancel();
            RawWaker::new(token, &VTABLE)
        },
        |_| {},
        |_| {},
        |_| {},
    );
    // SAFETY: the functions keep the contract of a waker; the token is shared and lives for ever.
    unsafe { Waker::new(std::ptr::from_ref(token).cast(), &VTABLE) }
}

#[test]
fn a_cancellation_between_the_look_and_the_lock_is_seen() {
    let token: &'static CancelToken = Box::leak(Box::default());
    let waker = cancels_when_cloned(token);
    let cancelled = pin!(token.cancelled());
    assert_eq!(
        cancelled.poll(&mut Context::from_waker(&waker)),
        Poll::Ready(()),
        "nobody would wake it"
    );
    // For the leak checker.
    // SAFETY: leaked above; the waker was the last to refer to it, and does not when dropped.
    drop(unsafe { Box::from_raw(std::ptr::from_ref(token).cast_mut()) });
}

type Handle = ErrGroupHandle<Meddling, (), &'static str>;

/// Fails the group while it spawns, once it knows one: before the task's handle is known.
#[derive(Clone)]
struct Meddling {
    rt: MiniRuntime,
    victim: Arc<Mutex<Option<Handle>>>,
}

impl Spawn for Meddling {
    type Handle<T: Send + 'static> = <MiniRuntime as Spawn>::Handle<T>;

    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let handle = self.rt.spawn(future);
        let victim = self.victim.lock().unwrap().take();
        if let Some(group) = victim {
            group.fail("too late");
        }
        handle
    }
}

#[test]
fn a_task_that_is_being_spawned_is_aborted_too() {
    common::on_mini(|rt| async move {
        let runtime = Meddling {
            rt,
            victim: Arc::default(),
        };
        let group = ErrGroup::new(runtime.clone());
        *runtime.victim.lock().unwrap() = Some(group.handle());
        group.spawn(pending()).await.unwrap();
        assert_eq!(group.join().await, Err("too late"));
    });
}

/// A failure gives its slot back, as every end of a task does.
async fn failures_make_room<R: Rt>(rt: R) {
    let mut group = Builder::new()
        .limit(1)
        .cancel(CancelPolicy::None)
        .panics_with(|_| "panic")
        .spawned(rt.clone());
    for n in 0..6 {
        let rt = rt.clone();
        group
            .spawn(async move {
                rt.sleep(units(1)).await;
                assert!(n != 3, "one of them panics");
                Err::<(), _>("failure")
            })
            .await
            .unwrap();
    }
    assert_eq!(group.wait().await, Err("failure"));
    assert_eq!(group.running(), 0);
}

on_every_runtime! {
    failures_make_room
}
