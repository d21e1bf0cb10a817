//! What the scenarios share: every runtime to run them on, and things to observe tasks with.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::any::TypeId;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use runtime::{Spawn, Timer};

/// What a scenario runs on.
pub trait Rt: Spawn + Timer {}
impl<R: Spawn + Timer> Rt for R {}

/// Whether time passes only when nobody has anything to do. Elsewhere a machine may stop any thread for any
/// time, and what is busy cannot be told from what is held up.
pub fn is_time_virtual<R: Rt>() -> bool {
    TypeId::of::<R>() == TypeId::of::<mini_executor::MiniRuntime>()
}

/// `n` units of time: virtual on mini-executor, short elsewhere. Miri's clock is virtual as well, and says
/// that a few thousand instructions take 10 ms.
pub fn units(n: u32) -> Duration {
    Duration::from_millis(if cfg!(miri) { 100 } else { 10 }) * n
}

pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Polls a future once, and says whether it is ready.
pub async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Counts what is alive, and remembers the most.
#[derive(Clone, Default)]
pub struct Census(Arc<(AtomicUsize, AtomicUsize, AtomicUsize)>);

impl Census {
    /// Counts one in, until the guard is dropped.
    pub fn enter(&self) -> Resident {
        let (alive, most, ever) = &*self.0;
        ever.fetch_add(1, Ordering::SeqCst);
        most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Resident(self.clone())
    }
    pub fn alive(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }
    pub fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
    pub fn ever(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }
}

pub struct Resident(Census);

impl Resident {
    /// Counts one more in, where this one is.
    pub fn another(&self) -> Resident {
        self.0.enter()
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        (self.0.0).0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until the condition holds, and fails the test if it does not for a long time.
pub async fn until<R: Rt>(rt: &R, what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        rt.sleep(units(1)).await;
    }
    panic!("waited in vain until {what}");
}

pub fn on_mini<F, Fut>(scenario: F)
where
    F: Fn(mini_executor::MiniRuntime) -> Fut,
    Fut: Future<Output = ()>,
{
    mini_executor::Builder::new()
        .fail_on_leaks(true)
        .run_seeds(0..SEEDS, scenario);
}

/// How many schedules are tried.
const SEEDS: u64 = if cfg!(miri) { 1 } else { 200 };

pub fn on_tokio<Fut>(workers: usize, scenario: impl FnOnce(runtime::TokioRuntime) -> Fut)
where
    Fut: Future<Output = ()>,
{
    let mut builder = if workers == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let tokio = builder
        .worker_threads(workers)
        .enable_time()
        .build()
        .unwrap();
    tokio.block_on(scenario(tokio.handle().clone().into()));
}

pub fn on_smol<Fut>(scenario: impl FnOnce(runtime::SmolRuntime) -> Fut)
where
    Fut: Future<Output = ()>,
{
    smol::block_on(scenario(runtime::SmolRuntime::new()));
}

/// One test per scenario and runtime.
#[macro_export]
macro_rules! on_every_runtime {
    ($($scenario:ident)*) => { $(
        mod $scenario {
            #[test]
            fn on_mini() {
                $crate::common::on_mini(super::$scenario);
            }
            #[test]
            fn on_tokio_current_thread() {
                $crate::common::on_tokio(1, super::$scenario);
            }
            #[test]
            fn on_tokio_multi_thread() {
                $crate::common::on_tokio(4, super::$scenario);
            }
            #[test]
            #[cfg_attr(miri, ignore = "smol's timers are the kernel's: timerfd_create")]
            fn on_smol() {
                $crate::common::on_smol(super::$scenario);
            }
        }
    )* };
}
