//! `schedgroup`: jobs that are done at a given time, in the order of their times, by one timer.
//!
//! | I want | use |
//! |---|---|
//! | something done later | [`delay`](Scheduler::delay), [`schedule`](Scheduler::schedule); for a short function, `delay_fn`, `schedule_fn` |
//! | something done again and again | [`every`](Scheduler::every), with [`Every`] |
//! | to call it off, or to put it off | [`Scheduled`], from anywhere; it never panics |
//! | to wait until all is done | [`SchedGroup::wait`] |
//! | a limit, a context, another way with panics | [`Builder`] |
//! | items of one type that come out at their time, as out of a channel | [`TimeQueue`] |
//! | thousands of timeouts, of which hardly any comes true | [`SharedTimer`], a `Timer` by the same wheel |
//! | to submit from many places, and from the jobs themselves | [`Scheduler`] |
//!
//! # From Go
//!
//! | Go | here |
//! |---|---|
//! | `sg := schedgroup.New(ctx)` | `Builder::new().context(&ctx).build(runtime)` |
//! | `sg.Delay(d, fn)` | `group.delay_fn(d, fn)`, or `group.delay(d, future)` |
//! | `sg.Schedule(when, fn)` | `group.schedule_fn(when, fn)` |
//! | `sg.Wait()` | `group.wait().await` |
//! | a panic, if used after `Wait` | an error, [`Ended`] |
//! | `time.AfterFunc(d, fn)`, `timer.Stop()`, `timer.Reset(d)` | `delay_fn`, [`Scheduled::cancel`], [`Scheduled::reschedule_after`] |
//!
//! # Order
//!
//! Jobs are started in the order of their times, and those of the same instant in the order in which they
//! were submitted. Functions run one after the other, so that is also the order in which they end.
//!
//! # Functions and futures
//!
//! A future is spawned as a task of its own. A function (`delay_fn`, `schedule_fn`, `every_fn`) is called by
//! the group's one task: that is quicker by far, and right for what takes no longer than a microsecond or
//! two, as sending a message or cancelling a context does. While it runs no other job is started.
//!
//! # How it is built
//!
//! ```text
//! Builder -> SchedGroup { ErrGroup: the driver and the jobs that run }
//!                |
//!                v
//! Scheduler, Scheduled ---> Core { Mutex { Agenda, armed } } <--- Driver, with one sleep
//! ```
//!
//! `agenda` is a timer wheel, a data structure without a clock. `core` puts a lock around it and knows
//! when the driver has to be woken. `driver` starts what is due.

mod agenda;
mod builder;
mod core;
mod driver;
mod every;
mod group;
mod job;
mod scheduled;
mod shared_timer;
mod time_queue;

pub use self::builder::Builder;
pub use self::every::Every;
pub use self::group::{SchedGroup, Scheduler};
pub use self::scheduled::{Ended, Scheduled};
pub use self::shared_timer::{SharedSleep, SharedTimer};
pub use self::time_queue::{TimeQueue, TimeSender, Waiting};
pub use runtime::MissedTick;
