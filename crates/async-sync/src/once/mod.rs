//! What happens once: [`OnceCell`] for a value, [`Lazy`] for a value with its initialiser, [`Once`] for
//! an act.
//!
//! One state machine (`raw`) says who may do it and who waits for it; one future (`attempt`) waits
//! for the right and runs the initialiser. A run that is cancelled, panics or fails counts as
//! nothing: the next in line takes over with its own initialiser.

pub(crate) mod attempt;
mod call;
mod cell;
mod error;
mod futures;
mod lazy;
#[cfg(all(test, loom))]
mod loom;
mod raw;

pub use call::Once;
pub use cell::OnceCell;
pub use error::{InProgress, SetError};
pub use futures::{CallOnce, CallOnceTry, GetOrInit, GetOrTryInit, WaitDone, WaitSet};
#[cfg(feature = "alloc")]
pub use lazy::Boxed;
pub use lazy::{Force, Lazy};
