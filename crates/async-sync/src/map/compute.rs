//! [`Map::get_or_compute`]: one initialiser at a time for a key, whose value all get who wait for it.
//!
//! # States
//!
//! A key that is being computed has a [`OnceCell`] in the map's table, and as many users as there are
//! futures about it. The entries of the map know nothing of it. A flag beside the cell says that the
//! map is about to get the value, or has got it.
//!
//! # Transitions
//!
//! ```text
//! New    the map has a value                     Over: that one
//!        the key's cell is set already           detach it, and look again: it is older than this call
//!        else, and the map still has no value    Attempt, with a place at the cell; *late* if the flag
//!                                                is set
//! Attempt, by the rules of a cell:
//!        the right is ours, the initialiser ran  the flag is set; the map gets the value, if it has
//!                                                none; the cell gets what the map has; Over
//!        somebody else has set the cell          late: New, with the same initialiser
//!                                                else: Over, the cell's value
//! ```
//!
//! # Invariants
//!
//! 1. A cell is set after the map had its value, so whoever got a value finds it in the map, unless it
//!    has been deleted since.
//! 2. A value that is returned was in the map at some moment of the call. (Of a cell that was set before
//!    the call, or whose flag was, the value may have been deleted before the call as well. If the
//!    flag was not set when we came, the map gets the value after that.)
//! 3. While a cell is neither set nor detached, whoever misses the key finds it: so one initialiser
//!    runs at a time, and none if the value was there when the key was entered. It is detached by
//!    whoever comes and sees it set, and is out of the table with its last user.

use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::atomic::{AtomicBool, Ordering};

use super::Map;
use crate::keyed::table::Place;
use crate::once::OnceCell;
use crate::once::attempt::{Attempt, Outcome};

/// What belongs to a key that is being computed.
#[derive(Debug)]
pub struct Computing<V> {
    cell: OnceCell<V>,
    /// The map has the value, or is about to get it.
    storing: AtomicBool,
}

impl<V> Computing<V> {
    fn new() -> Self {
        Computing {
            cell: OnceCell::new(),
            storing: AtomicBool::new(false),
        }
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<'a, K, V, S, F, W> {
        New { map: &'a Map<K, V, S>, wanted: Option<(K, F)> },
        // In this order: the attempt refers to the cell, which the place keeps.
        Attempt {
            #[pin]
            attempt: Attempt<'static, F, W>,
            place: Place<&'a Map<K, V, S>, K, Computing<V>>,
            late: bool,
        },
        Over,
    }
}

impl<'a, K, V, S, F, W> Step<'a, K, V, S, F, W>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
    F: FnOnce() -> W,
    W: Future,
{
    /// Polls; `value_of` turns the initialiser's output into a value or an error.
    fn poll<E>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        value_of: impl FnOnce(W::Output) -> Result<V, E>,
    ) -> Poll<Result<V, E>> {
        if let StepProjection::New { map, wanted } = self.as_mut().project() {
            let (map, wanted) = (*map, wanted.take());
            let (key, initialiser) = wanted.expect(COMPLETED);
            // Over, unless it comes to an attempt: keys may panic.
            self.set(Step::Over);
            if let Some(value) = self.as_mut().begin(map, key, initialiser) {
                return Poll::Ready(Ok(value));
            }
        }
        loop {
            let StepProjection::Attempt {
                attempt,
                place,
                late,
            } = self.as_mut().project()
            else {
                panic!("{COMPLETED}");
            };
            // SAFETY: as in `begin`; it is not used after the place is dropped.
            let raw = unsafe { forever(place.cell.raw()) };
            let (map, key) = (*place.home(), place.slot().key());
            let result = match ready!(attempt.poll(raw, cx)) {
                Outcome::Finished(initialiser) if *late => {
                    let key = key.clone();
                    self.set(Step::Over);
                    match self.as_mut().begin(map, key, initialiser) {
                        Some(value) => Ok(value),
                        None => continue,
                    }
                }
                // SAFETY: it has been set by somebody else.
                Outcome::Finished(_) => Ok(unsafe { place.cell.get_unchecked() }.clone()),
                // On an error the right is dropped here, and goes to the next in line.
                Outcome::Ran(output, right) => value_of(output).map(|value| {
                    let key = key.clone();
                    // Relaxed: it comes before the value in the map, and so before whatever is done by
                    // those who have seen the value there, or deleted it.
                    place.storing.store(true, Ordering::Relaxed);
                    let (value, _) = map.load_or_store(key, value);
                    // SAFETY: the right to set the cell is ours, and this cell's.
                    unsafe { place.cell.fill(right, value.clone()) };
                    value
                }),
            };
            self.set(Step::Over);
            return Poll::Ready(result);
        }
    }

    /// Looks for the value. If there is none, enters the key, and an attempt begins.
    fn begin(mut self: Pin<&mut Self>, map: &'a Map<K, V, S>, key: K, initialiser: F) -> Option<V> {
        let hash = map.hasher.hash_one(&key);
        let place = loop {
            if let Some(value) = map.load(&key) {
                return Some(value);
            }
            let place = Place::enter(map, hash, key.clone(), Computing::new);
            if place.cell.is_set() {
                map.computing.detach(place.slot());
            } else if let Some(value) = map.load(&key) {
                // Computed between the look and the entry, by others who have left.
                return Some(value);
            } else {
                break place;
            }
        };
        // Relaxed: see where it is stored. An exchange, which reads the newest value, so that this does
        // not rest on what the map's own operations order. (Loom does not see those.)
        let late = place.storing.fetch_or(false, Ordering::Relaxed);
        // SAFETY: the cell lies in the place's `Arc`. Both are in this future, which is pinned, and the
        // attempt is dropped before the place (by the order of the fields); and if this future is
        // leaked, so is the place.
        let raw = unsafe { forever(place.cell.raw()) };
        let attempt = Attempt::new(raw, initialiser);
        self.set(Step::Attempt {
            attempt,
            place,
            late,
        });
        None
    }
}

impl<K, V, S, F, W> Step<'_, K, V, S, F, W> {
    fn describe(&self) -> &'static str {
        match self {
            Step::New { .. } => "has not begun",
            Step::Attempt { attempt, .. } => attempt.stage(),
            Step::Over => "is over",
        }
    }
}

/// # Safety
///
/// The reference is not used after its object is gone.
unsafe fn forever<T>(object: &T) -> &'static T {
    // SAFETY: the caller's promise.
    unsafe { &*std::ptr::from_ref(object) }
}

const COMPLETED: &str = "a future was polled after it had completed";

pin_project! {
    /// The future of [`Map::get_or_compute`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetOrCompute<'a, K, V, S, F, W> {
        #[pin]
        step: Step<'a, K, V, S, F, W>,
    }
}

impl<'a, K, V, S, F, W> GetOrCompute<'a, K, V, S, F, W> {
    pub(super) fn new(map: &'a Map<K, V, S>, key: K, initialiser: F) -> Self {
        let wanted = Some((key, initialiser));
        GetOrCompute {
            step: Step::New { map, wanted },
        }
    }
}

impl<K, V, S, F, W> Future for GetOrCompute<'_, K, V, S, F, W>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
    F: FnOnce() -> W,
    W: Future<Output = V>,
{
    type Output = V;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<V> {
        let polled = self.project().step.poll(cx, Ok::<V, Infallible>);
        polled.map(|result| match result {
            Ok(value) => value,
            Err(never) => match never {},
        })
    }
}

pin_project! {
    /// The future of [`Map::get_or_try_compute`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetOrTryCompute<'a, K, V, S, F, W> {
        #[pin]
        step: Step<'a, K, V, S, F, W>,
    }
}

impl<'a, K, V, S, F, W> GetOrTryCompute<'a, K, V, S, F, W> {
    pub(super) fn new(map: &'a Map<K, V, S>, key: K, initialiser: F) -> Self {
        let wanted = Some((key, initialiser));
        GetOrTryCompute {
            step: Step::New { map, wanted },
        }
    }
}

impl<K, V, S, E, F, W> Future for GetOrTryCompute<'_, K, V, S, F, W>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
    F: FnOnce() -> W,
    W: Future<Output = Result<V, E>>,
{
    type Output = Result<V, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().step.poll(cx, |result| result)
    }
}

impl<K, V, S, F, W> fmt::Debug for GetOrCompute<'_, K, V, S, F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GetOrCompute")
            .field(&format_args!("{}", self.step.describe()))
            .finish()
    }
}

impl<K, V, S, F, W> fmt::Debug for GetOrTryCompute<'_, K, V, S, F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GetOrTryCompute")
            .field(&format_args!("{}", self.step.describe()))
            .finish()
    }
}
