//! `errgroup`: run tasks that may fail, wait for all of them, learn of the first failure.
//!
//! | I want | use |
//! |---|---|
//! | tasks of their own, on any runtime | [`ErrGroup`] |
//! | futures that borrow, inside the task that waits | [`LocalErrGroup`] |
//! | a limit, another policy, all outcomes | [`Builder`] |
//! | to submit from many places | [`ErrGroupHandle`] |
//! | several groups on one limit, nested ones too | [`Limiter`](crate::Limiter) |
//! | to count work that is done elsewhere | [`ErrWaitGroup`] |
//! | to know which task failed | [`spawn_named`](ErrGroupHandle::spawn_named), [`TaskError`], [`Errors::failures`] |
//!
//! # From Go
//!
//! | Go | here |
//! |---|---|
//! | `g, ctx := errgroup.WithContext(ctx)` | `Builder::new().cancel(CancelPolicy::Signal).context(&ctx)`, and [`token`](ErrGroupHandle::token) |
//! | `var g errgroup.Group` | `Builder::new().cancel(CancelPolicy::None)` |
//! | `g.Go(f)` | `group.spawn(future).await` |
//! | `g.TryGo(f)` | `group.try_spawn(future)` |
//! | `g.SetLimit(n)` | `Builder::new().limit(n)` |
//! | `g.Wait()` | `group.join().await`, or `group.wait().await` to wait again |
//! | `recover()` in every task | nothing, or [`Builder::panics_as_errors`] |
//! | facebookgo's `MultiError` | [`Builder::collect_all`], [`Errors`]; for work done elsewhere [`ErrWaitGroup`] |
//! | go-pkgz's `SizedGroup`, `ErrSizedGroup` | [`Builder::eager`]; preemptive: [`Builder::limit`] |
//! | neilotoole's `WithContextN(ctx, numG, qSize)`, bilibili's `GOMAXPROCS` | [`Builder::bounded`] |
//! | a semaphore that several groups share | [`Builder::limiter`] |
//!
//! # How it is built
//!
//! ```text
//! Builder -> Settings ---.
//!                        v
//! ErrGroup -> ErrGroupHandle -> Shared { slots: Semaphore, state: Mutex { Ledger, tasks } }
//!                                  ^                                        |
//!                                  '--- Task (in the runtime) <-- handle ---'
//! LocalErrGroup { FuturesUnordered, Ledger }
//! ```
//!
//! The `Ledger` has the outcomes and the order; `child` catches panics; both flavours use both.
//! `Shared` has the life of a spawned task and its invariants. In a group with a
//! [`Limiter`](crate::Limiter) a task is the user's future in a slot: `Limiter::run(future)`.

mod builder;
mod cancel;
mod child;
mod ending;
mod error;
mod group;
mod handle;
mod ledger;
mod local;
mod origin;
mod panic;
mod sendness;
mod shared;
mod submit;
mod wait_group;
mod with_token;

pub use self::builder::{Builder, CancelPolicy};
pub use self::cancel::{CancelToken, Cancelled};
pub use self::ending::{CollectAll, Ending, FirstError};
pub use self::error::{Errors, SpawnError, TrySpawnError};
pub use self::group::ErrGroup;
pub use self::handle::ErrGroupHandle;
pub use self::local::LocalErrGroup;
pub use self::origin::{Origin, TaskError};
pub use self::panic::Panic;
pub use self::sendness::{Accepts, SendTasks, Sendness, ThreadBound};
pub use self::wait_group::{ErrToken, ErrWaitGroup, MultiError};
pub use self::with_token::WithToken;
