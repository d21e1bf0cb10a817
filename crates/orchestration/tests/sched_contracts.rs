//! Auto traits, sizes and allocations of scheduled jobs, worker pools, dispatchers and shutdowns.

#![allow(missing_docs)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::size_of;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use orchestration::dispatcher::{self, DispatchError, DispatcherHandle, TryDispatchError};
use orchestration::schedgroup::{
    self, Ended, Every, Scheduled, Scheduler, SharedSleep, SharedTimer,
};
use orchestration::shutdown::{Closing, Guard, Report, Run, ShutdownHandle, Tracked};
use orchestration::worker_pool::{
    self, Counts, JobError, Stopped, TrySubmitError, WorkerPoolHandle,
};
use orchestration::{Dispatcher, SchedGroup, Shutdown, WorkerPool};
use runtime::{Timer, TokioRuntime};
use static_assertions::{assert_impl_all, assert_not_impl_any};

type NotSync = Cell<u8>;
type Rt = TokioRuntime;
type Future = std::future::Ready<Rc<u8>>;

// One owner, many handles, from any thread.
assert_impl_all!(SchedGroup<Rt>: Send, Sync, Unpin);
assert_impl_all!(WorkerPool<Rt>: Send, Sync, Unpin);
assert_impl_all!(Dispatcher<Rt, NotSync, NotSync>: Send, Sync, Unpin);
assert_impl_all!(Shutdown<Rt>: Send, Sync, Unpin);
assert_not_impl_any!(SchedGroup<Rt>: Clone);
assert_not_impl_any!(WorkerPool<Rt>: Clone);
assert_not_impl_any!(Dispatcher<Rt, u8>: Clone);
assert_not_impl_any!(Shutdown<Rt>: Clone);

assert_impl_all!(Scheduler: Clone, Send, Sync, Unpin);
assert_impl_all!(Scheduled: Clone, Send, Sync, Unpin);
assert_impl_all!(WorkerPoolHandle: Clone, Send, Sync, Unpin);
assert_impl_all!(DispatcherHandle<NotSync, NotSync>: Clone, Send, Sync, Unpin);
assert_impl_all!(ShutdownHandle: Clone, Send, Sync, Unpin);

assert_impl_all!(SharedTimer<Rt>: Clone, Send, Sync, Unpin);
assert_impl_all!(SharedSleep<Rt>: Send, Sync, Unpin);
assert_not_impl_any!(SharedSleep<Rt>: Clone);

assert_impl_all!(Guard: Send, Sync, Unpin);
assert_not_impl_any!(Guard: Clone);
assert_not_impl_any!(Tracked<Future>: Send, Sync);
assert_not_impl_any!(Run<std::future::Ready<u8>>: Clone);

// Choices bind nobody; errors travel.
assert_impl_all!(schedgroup::Builder: Clone, Send, Sync);
assert_impl_all!(worker_pool::Builder: Clone, Send, Sync);
assert_impl_all!(dispatcher::Builder: Clone, Send, Sync);
assert_impl_all!(Every: Copy, Send, Sync);
assert_impl_all!(Counts: Copy, Eq, Send, Sync);
assert_impl_all!(Report: Send, Sync, std::fmt::Display);
assert_impl_all!(Ended: std::error::Error, Copy, Send, Sync);
assert_impl_all!(Closing: std::error::Error, Copy, Send, Sync);
assert_impl_all!(Stopped: std::error::Error, Copy, Send, Sync);
assert_impl_all!(JobError: std::error::Error, Send, Sync);
assert_impl_all!(TrySubmitError<u8>: std::error::Error, Send, Sync);
assert_impl_all!(DispatchError<u8>: std::error::Error, Send, Sync);
assert_impl_all!(TryDispatchError<u8>: std::error::Error, Send, Sync);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert_eq!(size_of::<Scheduler>(), 8);
    assert!(size_of::<Scheduled>() <= 24);
    assert_eq!(size_of::<WorkerPoolHandle>(), 8);
    assert_eq!(size_of::<DispatcherHandle<u8, u8>>(), 8);
    assert_eq!(size_of::<ShutdownHandle>(), 8);
    assert_eq!(size_of::<Guard>(), 16);
    assert!(size_of::<SharedSleep<Rt>>() <= 56);
    assert_eq!(
        size_of::<Closing>() + size_of::<Ended>() + size_of::<Stopped>(),
        0
    );
}

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often, and how many bytes.
fn allocated(work: impl FnOnce()) -> (usize, usize) {
    let before = (ALLOCATIONS.get(), BYTES.get());
    work();
    (ALLOCATIONS.get() - before.0, BYTES.get() - before.1)
}

fn use_up(n: u64) {
    std::hint::black_box(n);
}

fn tokio() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().unwrap()
}

#[test]
fn a_waiting_job_is_its_box_and_forty_bytes() {
    let tokio = tokio();
    let group = SchedGroup::new(TokioRuntime::from(tokio.handle().clone()));
    let n = if cfg!(miri) { 2000 } else { 100_000 };
    let (times, bytes) = allocated(|| {
        for i in 0..n {
            let state = i as u64;
            let job = move || drop(std::hint::black_box(state).to_string());
            group
                .delay_fn(Duration::from_secs(60 + i as u64 % 600), job)
                .unwrap();
        }
    });
    assert!(times <= n + n / 500 + 20, "{times}");
    // 40 for its place, 8 for the state; and what a chunk has left.
    assert!(bytes <= n * 49 + 100_000, "{}", bytes as f64 / n as f64);
}

#[test]
fn calling_off_and_a_function_without_state_allocate_nothing() {
    let tokio = tokio();
    let group = SchedGroup::new(TokioRuntime::from(tokio.handle().clone()));
    // The first chunk.
    group.delay_fn(Duration::from_secs(60), || ()).unwrap();
    let (times, _) = allocated(|| {
        for n in 0..1000 {
            let job = group.delay_fn(Duration::from_secs(60 + n), || ()).unwrap();
            assert!(job.reschedule_after(Duration::from_secs(90)));
            assert!(job.cancel());
        }
    });
    assert_eq!(times, 0);
}

#[test]
fn a_timeout_of_the_shared_timer_allocates_nothing() {
    let tokio = tokio();
    let timer = SharedTimer::new(TokioRuntime::from(tokio.handle().clone()));
    let cx = &mut Context::from_waker(Waker::noop());
    let mut wait = || {
        let mut timeout =
            pin!(timer.timeout(Duration::from_secs(60), std::future::pending::<()>()));
        assert!(std::future::Future::poll(timeout.as_mut(), cx).is_pending());
    };
    wait();
    let (times, _) = allocated(|| (0..1000).for_each(|_| wait()));
    assert_eq!(times, 0);
}

#[test]
fn a_job_of_a_pool_is_one_allocation_and_one_of_a_dispatcher_none() {
    let tokio = tokio();
    let rt = TokioRuntime::from(tokio.handle().clone());
    tokio.block_on(async {
        let pool = WorkerPool::new(rt.clone(), 2);
        let jobs = Dispatcher::new(rt, 2, || |n: u64| async move { use_up(n) });
        let submit = async || {
            for n in 0..100_u64 {
                pool.submit(async move { use_up(n) }).await.unwrap();
            }
            pool.idle().await;
        };
        submit().await;
        let before = ALLOCATIONS.get();
        submit().await;
        assert_eq!(ALLOCATIONS.get() - before, 100);

        let dispatch = async || {
            for n in 0..100 {
                jobs.dispatch(n).await.unwrap();
            }
            jobs.idle().await;
        };
        dispatch().await;
        let before = ALLOCATIONS.get();
        dispatch().await;
        assert_eq!(ALLOCATIONS.get() - before, 0);
    });
}

/// A rush that is over gives its memory back.
#[test]
fn nothing_grows() {
    mini_executor::run(0, |rt| async move {
        let group = SchedGroup::new(rt.clone());
        let rush = async || {
            for n in 0..5000 {
                group
                    .delay_fn(Duration::from_millis(n % 50), || ())
                    .unwrap();
            }
            rt.sleep(Duration::from_secs(1)).await;
            assert_eq!(group.waiting(), 0);
        };
        rush().await;
        let before = BYTES.get();
        rush().await;
        // The chunks were dropped, so they are made anew: no fewer bytes than 40 for each.
        let second = BYTES.get() - before;
        assert!(second >= 5000 * 40, "{second}");
        group.wait().await.unwrap();
    })
    .unwrap();
}
