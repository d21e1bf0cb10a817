//! Something happens, and those who wait for it go on.
//!
//! | it is remembered | by | go on |
//! |---|---|---|
//! | until it is reset | [`Event`] | all |
//! | until somebody takes it | [`AutoEvent`] | one for each time |
//! | not at all | [`Notify`] | as many as are told, of those who listen |

mod auto;
mod futures;
#[cfg(all(test, loom))]
mod loom;
mod manual;
mod notify;
mod raw;

#[cfg(feature = "alloc")]
pub use auto::AutoWaitOwned;
pub use auto::{AutoEvent, AutoWait};
pub use futures::NotifiedOf;
#[cfg(feature = "alloc")]
pub use manual::WaitOwned;
pub use manual::{Event, Wait, WaitOf};
#[cfg(feature = "alloc")]
pub use notify::ListenOwned;
pub use notify::{Listen, Notify};
