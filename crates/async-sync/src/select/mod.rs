//! Waiting for whichever comes first: `select` over locks, permits, events, messages, any futures.
//!
//! | I want | use |
//! |---|---|
//! | a few cases, known when I write them | [`select!`](crate::select!) |
//! | one of many futures of one type | [`select_all`] |
//! | one of many, of different types | [`Select`] |
//! | the same again and again, as in a loop over a thousand receivers | [`SelectSet`] |
//! | only if one is ready at once | `default =>`, [`try_select`], [`SelectSet::try_next`] |
//! | to send, as a case | [`send`], or [`Sender::reserve`](crate::channel::Sender::reserve) and the body |
//! | a case that may be absent | [`maybe`], `, if condition` |
//! | to give up after some time | a case that sleeps, `SelectAll::timeout` (feature `runtime`) |
//!
//! # What they keep
//!
//! * **One commits.** The first case that is found ready is the one that has happened. The others are
//!   dropped then, and what had come to one of them meanwhile goes to the next who waits for it. This is how
//!   our primitives behave when a future of theirs is dropped; with other futures it is as good as their
//!   cancel safety.
//! * **Nothing is handed to a case that waits.** A receive that waits was at most *promised* an item, which is
//!   still in the channel, and a send waits for a place. Both happen in the poll that returns. (Hence
//!   [`send`]: a plain `Sender::send` that waits can be taken while another case is picked.) Two selects
//!   that face each other on a rendezvous channel come together. But if the receiving one picks another
//!   case in the very moment, its partner has sent nevertheless: the item stays in the channel, first in
//!   line for the next that receives, as with any receive that is dropped. Go's two selects would commit
//!   together or not at all.
//! * **Losers leave nothing behind.** When the winner's output is there, they are out of all queues.
//! * **A fair choice.** If several are ready, each is as likely as the others. The choice repeats with the
//!   seed of the mini executor.
//! * **Wake-ups that cost the same among thousands.** Where the number of cases is open, each has a waker of
//!   its own, and only those that were woken are polled.
//!
//! # How other selects differ
//!
//! * **A choice by rotation.** `tokio::select!` begins at a random case and goes on in order from there. If
//!   the first two of four cases are ready, the first is picked three times of four. Here it is every
//!   second time.
//! * **Everybody is polled.** `futures::future::select_all` and the macros poll each of their futures
//!   each time one of them is woken. With a thousand receivers that is a thousand polls a message.
//! * **A place that is lost.** A loop with `_ = semaphore.acquire() => ...` makes that future anew each time
//!   another case was first, and goes back to the end of its queue. It may wait for ever while
//!   others come and go. A [`SelectSet`] keeps the place.
//! * **Futurelock.** To keep the place with a macro one writes `&mut acquire`. That future is still alive
//!   in the body of another case, and may be given the lock there. If the body then waits
//!   for the same lock, all is over: the lock is with a future that nobody polls (Oxide's RFD 609). With the
//!   locks of this crate, the body gets it nevertheless: whoever asks and is polled takes it over.
//!
//! Each of these is a test: `tests/select_peers.rs`.

#[cfg(feature = "alloc")]
mod all;
#[cfg(feature = "alloc")]
mod builder;
#[cfg(feature = "alloc")]
mod entries;
#[cfg(all(test, loom))]
mod loom;
mod macros;
mod maybe;
#[cfg(feature = "alloc")]
mod outer;
#[cfg(feature = "alloc")]
mod pinned;
#[cfg(feature = "alloc")]
mod ready;
#[cfg(feature = "alloc")]
mod send;
#[cfg(feature = "alloc")]
mod set;
#[cfg(feature = "alloc")]
mod slots;
#[cfg(feature = "alloc")]
mod source;
mod turns;

#[cfg(feature = "alloc")]
pub use all::{SelectAll, select_all, try_select};
#[cfg(feature = "alloc")]
pub use builder::{BoxedCase, Select};
#[cfg(feature = "alloc")]
pub use entries::Key;
pub use maybe::{Maybe, maybe};
#[cfg(feature = "alloc")]
pub use send::{SendCase, send};
#[cfg(feature = "alloc")]
pub use set::{Next, SelectSet};
#[cfg(feature = "alloc")]
pub use source::{Once, Repeat, Source, UntilNone, once, repeat, until_none};

/// What `select!` expands to.
#[doc(hidden)]
pub mod private {
    pub use core::convert::Infallible;
    pub use core::future::{Future, IntoFuture, pending, poll_fn};
    pub use core::option::Option::{None, Some};
    pub use core::pin::pin;
    pub use core::task::Poll::{Pending, Ready};
    pub use core::{compile_error, stringify, unreachable};

    pub use super::turns::Turns;
}
