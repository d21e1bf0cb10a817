//! The runtimes, and the macro that makes tests of scenarios.

use std::time::Duration;

use mini_executor::MiniRuntime;
use runtime::{SmolRuntime, TokioRuntime};

/// Seeds under which a scenario runs on the deterministic executor.
pub const SEEDS: u64 = if cfg!(miri) { 3 } else { 200 };

/// On the deterministic executor, under [`SEEDS`] seeds.
///
/// # Panics
///
/// If the scenario does, stalls, or leaves tasks behind; the seed is told.
pub fn mini<F, Fut>(scenario: F)
where
    F: FnMut(MiniRuntime) -> Fut,
    Fut: Future<Output = ()>,
{
    mini_executor::Builder::new()
        .fail_on_leaks(true)
        .run_seeds(0..SEEDS, scenario);
}

/// On tokio with one thread.
///
/// # Panics
///
/// If the scenario does, or takes longer than a minute.
pub fn tokio_current_thread<Fut>(scenario: impl FnOnce(TokioRuntime) -> Fut)
where
    Fut: Future<Output = ()>,
{
    tokio_with(&mut tokio::runtime::Builder::new_current_thread(), scenario);
}

/// On tokio with two threads.
///
/// # Panics
///
/// If the scenario does, or takes longer than a minute.
pub fn tokio_multi_thread<Fut>(scenario: impl FnOnce(TokioRuntime) -> Fut)
where
    Fut: Future<Output = ()>,
{
    tokio_with(
        tokio::runtime::Builder::new_multi_thread().worker_threads(2),
        scenario,
    );
}

fn tokio_with<Fut>(
    builder: &mut tokio::runtime::Builder,
    scenario: impl FnOnce(TokioRuntime) -> Fut,
) where
    Fut: Future<Output = ()>,
{
    let runtime = builder.enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        tokio::time::timeout(LIMIT, scenario(TokioRuntime::current()))
            .await
            .expect("the scenario hangs");
    });
}

/// On smol's global executor.
///
/// # Panics
///
/// If the scenario does, or takes longer than a minute.
pub fn smol<Fut>(scenario: impl FnOnce(SmolRuntime) -> Fut)
where
    Fut: Future<Output = ()>,
{
    let limit = async {
        smol::Timer::after(LIMIT).await;
        panic!("the scenario hangs");
    };
    smol::block_on(smol::future::or(scenario(SmolRuntime::new()), limit));
}

const LIMIT: Duration = Duration::from_secs(60);

/// Makes a module of tests for each scenario, one test for each runtime.
///
/// ```
/// # #[allow(dead_code)]
/// async fn time_passes<R: conformance::Runtime>(rt: R) {
///     rt.sleep(std::time::Duration::from_millis(1)).await;
/// }
///
/// conformance::on_every_runtime! {
///     time_passes;
/// }
/// # fn main() {}
/// ```
///
/// A scenario over more than the runtime is given a name and its other types:
/// `s1_counter = s1_counter::<Fifo, _>;`.
#[macro_export]
macro_rules! on_every_runtime {
    ($($scenario:ident;)*) => {
        $crate::on_every_runtime! { $($scenario = super::$scenario;)* }
    };
    ($($name:ident = $scenario:expr;)*) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "a path may begin with `super`")]
                use super::*;

                #[test]
                fn mini() {
                    $crate::run::mini($scenario);
                }

                #[test]
                fn tokio_current_thread() {
                    $crate::run::tokio_current_thread($scenario);
                }

                #[test]
                fn tokio_multi_thread() {
                    $crate::run::tokio_multi_thread($scenario);
                }

                #[test]
                fn smol() {
                    $crate::run::smol($scenario);
                }
            }
        )*
    };
}
