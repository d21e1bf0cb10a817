//! `Select`: cases of any types, each with what is to be made of its output.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;

use super::all::Order;
use super::{SelectAll, select_all};

/// A case in a box.
pub type BoxedCase<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Cases of different kinds, as many as there are at run time: Go's `reflect.Select`.
///
/// Each case is put in a box. For futures of one type [`select_all`] does without; where the number of
/// cases is known, [`select!`](crate::select!) does.
///
/// Awaiting it gives the number of the case that was ready first and what was made of its output, as
/// [`SelectAll`] does.
///
/// # Examples
///
/// ```
/// use async_sync::select::Select;
/// use async_sync::{Event, Mutex, Semaphore};
///
/// #[derive(Debug, PartialEq)]
/// enum Got {
///     Value(i32),
///     Permit,
///     Stop,
/// }
///
/// # sync_core::park::block_on(async {
/// let (value, places, stop) = (Mutex::new(7), Semaphore::new(1), Event::new());
/// let held = places.try_acquire();
/// let mut select = Select::new();
/// select.case(value.lock(), |guard| Got::Value(*guard));
/// select.case(places.acquire(), |_| Got::Permit);
/// select.case(stop.wait(), |()| Got::Stop);
/// assert_eq!(select.await, (0, Got::Value(7)));
/// # });
/// ```
#[doc(alias = "reflect.Select")]
#[must_use = "a select does nothing unless it is awaited"]
pub struct Select<'a, T> {
    cases: Vec<BoxedCase<'a, T>>,
    order: Order,
}

impl<'a, T> Select<'a, T> {
    /// Without cases, which waits for ever.
    pub const fn new() -> Self {
        Select {
            cases: Vec::new(),
            order: Order::Random,
        }
    }

    /// Adds a case: when `future` is the first to be ready, `then` makes the result of its output, in the
    /// same poll, with the other cases still there. What takes time, or locks, is better done with the
    /// result. Returns the number of the case.
    pub fn case<F>(&mut self, future: F, then: impl FnOnce(F::Output) -> T + Send + 'a) -> usize
    where
        F: Future + Send + 'a,
    {
        self.cases.push(Box::pin(async move { then(future.await) }));
        self.cases.len() - 1
    }

    /// Of several that are ready, the first one is picked. See [`SelectAll::biased`].
    pub fn biased(mut self) -> Self {
        self.order = Order::Biased;
        self
    }

    /// Which of several is picked depends on the seed only.
    pub fn seed(mut self, seed: u64) -> Self {
        self.order = Order::seeded(seed);
        self
    }

    /// The default case: does not wait. See [`try_select`](super::try_select).
    #[must_use]
    pub fn or_default(self) -> Option<(usize, T)> {
        self.into_future().or_default()
    }
}

impl<'a, T> IntoFuture for Select<'a, T> {
    type Output = (usize, T);
    type IntoFuture = SelectAll<BoxedCase<'a, T>>;

    fn into_future(self) -> Self::IntoFuture {
        select_all(self.cases).order(self.order)
    }
}

impl<T> Default for Select<'_, T> {
    fn default() -> Self {
        Select::new()
    }
}

impl<T> fmt::Debug for Select<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("cases", &self.cases.len())
            .field("order", &self.order)
            .finish()
    }
}
