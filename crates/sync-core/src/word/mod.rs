//! State words: one atomic integer per primitive, with named bit fields.
//!
//! Each file has one word. A word is a thin atomic ([`LockWord`]) and a plain snapshot of it
//! ([`LockState`]) whose transitions are pure functions `old -> new`, tested without any
//! concurrency. `None` stands for "this transition is not allowed from here".
//!
//! Orderings are chosen by the callers, who know what they publish; failed exchanges are `Relaxed`
//! everywhere, because a caller that lost has learnt a number and nothing else.

mod barrier;
mod cancel;
mod channel;
mod count;
mod event;
mod flight;
mod hold;
mod latch;
mod lock;
mod once;
mod permit;
mod rw;
mod watch;

pub use barrier::{Arrival, BarrierState, BarrierWord, Fate, Ticket};
pub use cancel::{CancelState, CancelWord};
pub use channel::ChannelState;
pub use count::{CountState, CountWord, Done};
pub use event::{EventState, EventWord};
pub use flight::{FlightState, FlightWord};
pub use hold::{Again, HoldState, HoldWord};
pub use latch::{LatchState, LatchWord};
pub use lock::{LockState, LockWord, Rule};
pub use once::{OnceState, OnceWord};
pub use permit::{PermitState, PermitWord};
pub use rw::{RwState, RwWord};
pub use watch::{WatchState, WatchWord};

/// The compare-exchange loop of every word, written once.
macro_rules! update_loop {
    ($word:expr, $wrap:path, $order:expr, $next:expr) => {{
        let word = $word;
        let next = $next;
        let mut old = word.load($crate::atomic::Ordering::Relaxed);
        loop {
            let Some(new) = next($wrap(old)) else {
                break Err($wrap(old));
            };
            match word.compare_exchange_weak(old, new.0, $order, $crate::atomic::Ordering::Relaxed)
            {
                Ok(old) => break Ok($wrap(old)),
                Err(seen) => old = seen,
            }
        }
    }};
}
pub(crate) use update_loop;

/// What all words that are nothing but their atomic offer: a look, a transition, `Debug`.
macro_rules! state_word {
    ($word:ident, $state:ident) => {
        impl $word {
            /// A snapshot.
            #[inline]
            #[must_use]
            pub fn load(&self, order: $crate::atomic::Ordering) -> $state {
                $state(self.0.load(order))
            }

            /// Applies a transition, retrying while others change the word. Returns the state before.
            ///
            /// # Errors
            ///
            /// The state from which `next` was not allowed.
            #[inline]
            pub fn update(
                &self,
                order: $crate::atomic::Ordering,
                next: impl Fn($state) -> Option<$state>,
            ) -> Result<$state, $state> {
                super::update_loop!(&self.0, $state, order, next)
            }
        }

        impl core::fmt::Debug for $word {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.load($crate::atomic::Ordering::Relaxed).fmt(f)
            }
        }
    };
}
pub(crate) use state_word;
