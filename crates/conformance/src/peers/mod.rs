//! Other crates' locks, condition variables, semaphores, wait groups, cells, barriers, signals, gates,
//! flights, channels, watched values, trees of cancellation, selects and pools behind one trait each, and
//! ours among them.
//!
//! Scenarios, the table of promises and the benches are written against these traits. The lists of
//! who takes part stand once, in [`for_each_mutex!`](crate::for_each_mutex),
//! [`for_each_rwlock!`](crate::for_each_rwlock),
//! [`for_each_semaphore!`](crate::for_each_semaphore),
//! [`for_each_wait_group!`](crate::for_each_wait_group),
//! [`for_each_once_cell!`](crate::for_each_once_cell), and so on.
//!
//! The futures are the peers' own wherever they can be, since their size and cost is measured. Where
//! an adapter has to add something it says so.
//!
//! Left out, because they cannot be compared fairly:
//!
//! * crossfire's `WaitGroup`: it is `!Sync`, has room for one waiter, and shares one with its
//!   tasks through `unsafe` only.
//! * mea's `Latch` and other latches: their count is fixed when they are made, so they have no
//!   tokens.
//! * futures-util, saa and maitake-sync have no wait group, futures-util has no semaphore, neither
//!   futures-util nor futures-intrusive a reader-writer lock.

mod async_lock;
mod broadcast;
mod channel;
mod channel_offers;
mod cond;
mod event;
mod futures_intrusive;
mod futures_util;
mod keyed;
mod lists;
mod maitake;
mod mea;
mod mutex;
mod once;
mod oneshot;
mod ours;
pub mod resource_pool;
mod rwlock;
mod saa;
mod select;
mod semaphore;
mod single_flight;
mod token;
mod tokio;
mod wait_group;

/// The types that implement [`AsyncMutex`].
pub mod mutexes {
    pub use super::async_lock::Mutex as AsyncLock;
    pub use super::futures_intrusive::{
        FairMutex as IntrusiveFair, UnfairMutex as IntrusiveUnfair,
    };
    pub use super::futures_util::Mutex as FuturesUtil;
    pub use super::maitake::Mutex as Maitake;
    pub use super::mea::Mutex as Mea;
    pub use super::ours::{Adaptive, Barging, Fifo};
    pub use super::saa::Mutex as Saa;
    pub use super::tokio::Mutex as Tokio;
}

/// The types that implement [`AsyncChannel`].
pub mod channels {
    pub use super::channel::{
        AsyncChannelCrate, Crossfire, Flume, Futures, Kanal, Ours, Tachyonix, Tokio,
    };
}

/// The types that implement [`AsyncSelect`].
pub mod selects {
    pub use super::select::{Futures, FuturesAll, Ours, OursAll, Tokio};
}

/// The types that implement [`AsyncKeyedMutex`].
pub mod keyed_mutexes {
    pub use super::keyed::{ByHand, Ours};
}

/// The types that implement [`AsyncBroadcast`].
pub mod broadcasts {
    pub use super::broadcast::{
        AsyncBroadcastCrate, AsyncBroadcastOverflowing, Ours, OursLossless, Tokio,
    };
}

/// The types that implement [`AsyncOneshot`].
pub mod oneshots {
    pub use super::oneshot::{Futures, Ours, Tokio};
}

/// The types that implement [`AsyncCond`].
pub mod conds {
    pub use super::cond::{Mea, Ours, OursOverTokio};
}

/// The types that implement [`AsyncRwLock`].
pub mod rwlocks;

/// The types that implement [`AsyncSemaphore`].
pub mod semaphores {
    pub use super::async_lock::Semaphore as AsyncLock;
    pub use super::futures_intrusive::{
        FairSemaphore as IntrusiveFair, UnfairSemaphore as IntrusiveUnfair,
    };
    pub use super::maitake::Semaphore as Maitake;
    pub use super::mea::Semaphore as Mea;
    pub use super::ours::Semaphore as Ours;
    pub use super::saa::Semaphore as Saa;
    pub use super::tokio::Semaphore as Tokio;
}

/// The types that implement [`AsyncWaitGroup`].
pub mod wait_groups {
    pub use super::mea::WaitGroup as Mea;
    pub use super::ours::WaitGroup as Ours;
    pub use super::tokio::WaitGroup as Tokio;
}

/// The types that implement [`AsyncOnceCell`].
pub mod once_cells {
    pub use super::async_lock::OnceCell as AsyncLock;
    pub use super::mea::OnceCell as Mea;
    pub use super::ours::OnceCell as Ours;
    pub use super::tokio::OnceCell as Tokio;
}

/// The types that implement [`AsyncSignal`].
pub mod signals {
    pub use super::async_lock::Listened as EventListener;
    pub use ::tokio::sync::Notify as Tokio;
    pub use async_sync::AutoEvent as Ours;
    pub use futures_intrusive::sync::ManualResetEvent as Intrusive;
    pub use maitake_sync::WaitQueue as Maitake;
}

/// The types that implement [`AsyncToken`].
pub mod tokens {
    pub use ::tokio_util::sync::CancellationToken as TokioUtil;
    pub use async_sync::Context as Ours;
}

/// The types that implement [`AsyncWatch`].
pub mod watches {
    /// The channel.
    pub type Ours = async_sync::watch::Sender<u64>;
    /// tokio's.
    pub type Tokio = ::tokio::sync::watch::Sender<u64>;
}

/// The types that implement [`AsyncGate`].
pub mod gates {
    pub use super::async_lock::Listened as EventListener;
    pub use ::mea::latch::Latch as Mea;
    pub use ::tokio::sync::Notify as Tokio;
    pub use async_sync::{Event as Ours, Latch as OursLatch, Notify as OursNotify};
    pub use futures_intrusive::sync::ManualResetEvent as Intrusive;
    pub use maitake_sync::WaitQueue as Maitake;
}

/// The types that implement [`AsyncBarrier`].
pub mod barriers {
    pub use super::ours::LenientBarrier as OursLenient;
    pub use ::async_lock::Barrier as AsyncLock;
    pub use ::mea::barrier::Barrier as Mea;
    pub use ::tokio::sync::Barrier as Tokio;
    pub use async_sync::Barrier as Ours;
}

/// The types that implement [`AsyncSingleFlight`].
pub mod single_flights {
    pub use super::single_flight::{Mea, Ours};
}

pub use broadcast::{AsyncBroadcast, Heard, LossyBroadcast};
pub use channel::{AsyncChannel, RendezvousChannel, SharedChannel};
pub use channel_offers::{
    ClosableChannel, ManyChannel, ReservingChannel, TryChannel, Value, ValueChannel,
};
pub use cond::AsyncCond;
pub use event::{AsyncBarrier, AsyncGate, AsyncSignal, OneByOne};
pub use keyed::AsyncKeyedMutex;
pub use mutex::{AsyncMutex, BlockingMutex};
pub use once::{AsyncOnceCell, Init, WaitingOnceCell};
pub use oneshot::AsyncOneshot;
pub use resource_pool::{AsyncPool, ClosablePool};
pub use rwlock::{AsyncRwLock, DowngradableRwLock, UpgradableRwLock};
pub use select::{AsyncSelect, Case, SelectAgain, SelectMany, SelectWithBody};
pub use semaphore::{
    AsyncSemaphore, ClosableSemaphore, GrowableSemaphore, ShrinkableSemaphore, WeightedSemaphore,
};
pub use single_flight::{AsyncSingleFlight, Work};
pub use token::{AsyncToken, AsyncWatch, TokenWithCallbacks, TokenWithParents, WatchReceiver};
pub use wait_group::{AsyncWaitGroup, ReusableWaitGroup};

/// Hands the list of mutexes to a macro: `name: Type, offers...;` for each.
///
/// What a type *offers* beyond [`AsyncMutex`] is named in words that the macro may turn into calls:
/// `blocking` for [`BlockingMutex`].
///
/// ```
/// use conformance::peers::AsyncMutex;
///
/// macro_rules! names {
///     ($($id:ident: $mutex:ty $(, $offer:ident)*;)*) => { [$(<$mutex>::NAME),*] };
/// }
/// let names = conformance::for_each_mutex!(names);
/// assert_eq!(names[0], "async-sync, Adaptive");
/// ```
#[macro_export]
macro_rules! for_each_mutex {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            adaptive: $crate::peers::mutexes::Adaptive, blocking;
            fifo: $crate::peers::mutexes::Fifo, blocking;
            barging: $crate::peers::mutexes::Barging, blocking;
            tokio: $crate::peers::mutexes::Tokio, blocking;
            async_lock: $crate::peers::mutexes::AsyncLock, blocking;
            futures_util: $crate::peers::mutexes::FuturesUtil;
            intrusive_fair: $crate::peers::mutexes::IntrusiveFair;
            intrusive_unfair: $crate::peers::mutexes::IntrusiveUnfair;
            mea: $crate::peers::mutexes::Mea;
            saa: $crate::peers::mutexes::Saa, blocking;
            maitake: $crate::peers::mutexes::Maitake;
        }
    };
}

/// Hands the list of reader-writer locks to a macro: `name: Type, offers...;` for each.
///
/// The offers are `downgradable` and `upgradable`, for the traits of these names.
#[macro_export]
macro_rules! for_each_rwlock {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            write_preferring: $crate::peers::rwlocks::WritePreferring, downgradable, upgradable;
            read_preferring: $crate::peers::rwlocks::ReadPreferring, downgradable, upgradable;
            fifo: $crate::peers::rwlocks::Fifo, downgradable, upgradable;
            read_mostly: $crate::peers::rwlocks::ReadMostly, downgradable, upgradable;
            tokio: $crate::peers::rwlocks::Tokio, downgradable;
            async_lock: $crate::peers::rwlocks::AsyncLock, downgradable, upgradable;
            mea: $crate::peers::rwlocks::Mea, downgradable;
            saa: $crate::peers::rwlocks::Saa;
            maitake: $crate::peers::rwlocks::Maitake;
        }
    };
}

/// Hands the list of semaphores to a macro: `name: Type, offers...;` for each.
///
/// The offers are `weighted`, `growable`, `shrinkable` and `closable`, for the traits of these names.
#[macro_export]
macro_rules! for_each_semaphore {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::semaphores::Ours, weighted, growable, shrinkable, closable;
            tokio: $crate::peers::semaphores::Tokio, weighted, growable, closable;
            async_lock: $crate::peers::semaphores::AsyncLock, growable;
            intrusive_fair: $crate::peers::semaphores::IntrusiveFair, weighted, growable;
            intrusive_unfair: $crate::peers::semaphores::IntrusiveUnfair, weighted, growable;
            mea: $crate::peers::semaphores::Mea, weighted, growable, shrinkable;
            saa: $crate::peers::semaphores::Saa, weighted, growable;
            maitake: $crate::peers::semaphores::Maitake, weighted, growable, closable;
        }
    };
}

/// Hands the list of wait groups to a macro: `name: Type, offers...;` for each.
///
/// The offer is `reusable`, for [`ReusableWaitGroup`].
///
/// [`ReusableWaitGroup`]: crate::peers::ReusableWaitGroup
#[macro_export]
macro_rules! for_each_wait_group {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::wait_groups::Ours, reusable;
            tokio: $crate::peers::wait_groups::Tokio, reusable;
            mea: $crate::peers::wait_groups::Mea;
        }
    };
}

/// Hands the list of cells to a macro: `name: Type, offers...;` for each.
///
/// The offer is `waiting`, for [`WaitingOnceCell`].
///
/// [`WaitingOnceCell`]: crate::peers::WaitingOnceCell
#[macro_export]
macro_rules! for_each_once_cell {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::once_cells::Ours, waiting;
            tokio: $crate::peers::once_cells::Tokio;
            async_lock: $crate::peers::once_cells::AsyncLock, waiting;
            mea: $crate::peers::once_cells::Mea;
        }
    };
}

/// Hands the list of signals to a macro: `name: Type, offers...;` for each.
///
/// The offer is `one_by_one`, for [`OneByOne`].
#[macro_export]
macro_rules! for_each_signal {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::signals::Ours, one_by_one;
            tokio: $crate::peers::signals::Tokio, one_by_one;
            event_listener: $crate::peers::signals::EventListener;
            intrusive: $crate::peers::signals::Intrusive;
            maitake: $crate::peers::signals::Maitake, one_by_one;
        }
    };
}

/// Hands the list of gates to a macro: `name: Type;` for each.
#[macro_export]
macro_rules! for_each_gate {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::gates::Ours;
            ours_latch: $crate::peers::gates::OursLatch;
            ours_notify: $crate::peers::gates::OursNotify;
            tokio: $crate::peers::gates::Tokio;
            event_listener: $crate::peers::gates::EventListener;
            intrusive: $crate::peers::gates::Intrusive;
            mea: $crate::peers::gates::Mea;
            maitake: $crate::peers::gates::Maitake;
        }
    };
}

/// Hands the list of barriers to a macro: `name: Type;` for each.
#[macro_export]
macro_rules! for_each_barrier {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::barriers::Ours;
            ours_lenient: $crate::peers::barriers::OursLenient;
            tokio: $crate::peers::barriers::Tokio;
            async_lock: $crate::peers::barriers::AsyncLock;
            mea: $crate::peers::barriers::Mea;
        }
    };
}

/// Hands the list of condition variables to a macro: `name: Type;` for each.
#[macro_export]
macro_rules! for_each_cond {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::conds::Ours;
            ours_over_tokio: $crate::peers::conds::OursOverTokio;
            mea: $crate::peers::conds::Mea;
        }
    };
}

/// Hands the list of single flights to a macro: `name: Type;` for each.
#[macro_export]
macro_rules! for_each_single_flight {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::single_flights::Ours;
            mea: $crate::peers::single_flights::Mea;
        }
    };
}
