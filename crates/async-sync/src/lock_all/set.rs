//! What can be locked together, and a place for what has been locked so far.
//!
//! A [`LockSet`] is a tuple of references, an array or a slice; it opens into [`Slots`], one for each
//! lock, which live in the pinned future. A slot is
//!
//! ```text
//! Idle -> Waiting(future) -> Held(guard) -> Idle
//!      -> Held, by a try                 -> taken out, when all are held
//! ```
//!
//! The algorithms (`ordered`, `backing_off`) only know slots by their number.

use core::pin::Pin;
use core::task::Context;

use pin_project_lite::pin_project;

use crate::Locker;

/// What [`lock_all`](super::lock_all()) takes: tuples of 2 to 8 references to locks of any types, arrays
/// of references, references to arrays and (feature `alloc`) to slices and vectors of locks of one
/// type. Sealed.
///
/// The order of the guards is that of the set: a tuple for a tuple, an array for an array, a vector for
/// a slice.
pub trait LockSet: sealed::Sealed {
    /// The guards of all locks, in the order of the set.
    type Guards;

    #[doc(hidden)]
    type Slots: Slots<Guards = Self::Guards>;

    #[doc(hidden)]
    fn open(self, _: sealed::Token) -> Self::Slots;
}

pub(super) mod sealed {
    pub trait Sealed {}

    /// What only this module can name: sealing keeps others from implementing, not from calling.
    #[derive(Debug)]
    pub struct Token;
}

/// What is to be done with one slot.
#[derive(Debug)]
pub enum Op<'c, 'w> {
    /// Waits for the lock, if it is not held already. Whether it is.
    Poll(&'c mut Context<'w>),
    /// Takes the lock if that is possible at once, or if it is held already. Whether it is.
    Try,
    /// Gives the lock up, or the place in its queue.
    Release,
}

/// One place for each lock of a set. Not for users, who cannot name it.
pub trait Slots {
    type Guards;
    /// A permutation of the numbers of the slots.
    type Order: AsRef<[usize]>;

    /// The numbers of the slots, in the order of the identities of their locks.
    ///
    /// Panics if one lock is there twice.
    fn order(&self) -> Self::Order;

    /// Does something with slot `i`.
    fn act(self: Pin<&mut Self>, i: usize, op: Op<'_, '_>) -> bool;

    /// Takes the guards out of the slots, all of which are held.
    fn take(self: Pin<&mut Self>) -> Self::Guards;
}

/// A lock, and how far one has come with it.
type Slot<'a, L> = Place<&'a L, <L as Locker>::Lock<'a>>;

pin_project! {
    /// What a lock is known by, and how far one has come with it.
    pub struct Place<L, F> where F: Future {
        lock: L,
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[project_replace = StateOwned]
    enum State<F> where F: Future {
        Idle,
        Waiting { #[pin] lock: F },
        Held { guard: F::Output },
    }
}

impl<'a, L, F> Place<&'a L, F>
where
    L: Locker<Lock<'a> = F, Guard<'a> = F::Output> + ?Sized,
    F: Future,
{
    #[inline]
    fn new(lock: &'a L) -> Self {
        Place {
            lock,
            state: State::Idle,
        }
    }

    #[inline(always)]
    fn act(self: Pin<&mut Self>, op: Op<'_, '_>) -> bool {
        let this = self.project();
        this.state.act(*this.lock, op)
    }

    #[inline]
    fn take(self: Pin<&mut Self>) -> F::Output {
        self.project().state.take()
    }
}

impl<F: Future> State<F> {
    #[inline(always)]
    fn act<'a, L>(mut self: Pin<&mut Self>, lock: &'a L, op: Op<'_, '_>) -> bool
    where
        L: Locker<Lock<'a> = F, Guard<'a> = F::Output> + ?Sized,
    {
        match op {
            Op::Poll(cx) => {
                if let State::Idle = *self {
                    self.set(State::Waiting { lock: lock.lock() });
                }
                let guard = match self.as_mut().project() {
                    StateProjection::Waiting { lock } => match lock.poll(cx) {
                        core::task::Poll::Ready(guard) => guard,
                        core::task::Poll::Pending => return false,
                    },
                    _ => return true,
                };
                self.set(State::Held { guard });
                true
            }
            Op::Try => {
                if let State::Held { .. } = *self {
                    return true;
                }
                let Some(guard) = lock.try_lock() else {
                    return false;
                };
                self.set(State::Held { guard });
                true
            }
            Op::Release => {
                self.set(State::Idle);
                true
            }
        }
    }

    #[inline]
    fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project_replace(State::Idle) {
            StateOwned::Held { guard } => guard,
            _ => unreachable!("taken when all are held"),
        }
    }
}

/// The numbers of the slots with these identities, in the order of the identities.
#[inline]
fn sort(order: &mut [usize], id: impl Fn(usize) -> usize) {
    // By insertion: sets are small, and where they are not, `sort_unstable` below.
    if order.len() <= 8 {
        for end in 1..order.len() {
            let mut at = end;
            while at > 0 && id(order[at - 1]) > id(order[at]) {
                order.swap(at - 1, at);
                at -= 1;
            }
        }
    } else {
        order.sort_unstable_by_key(|i| id(*i));
    }
    for pair in order.windows(2) {
        if id(pair[0]) == id(pair[1]) {
            twice(pair[0].min(pair[1]), pair[0].max(pair[1]));
        }
    }
}

#[cold]
#[track_caller]
fn twice(first: usize, second: usize) -> ! {
    panic!("lock_all: numbers {first} and {second} of the set are the same lock")
}

#[inline]
fn numbers<const N: usize>(id: impl Fn(usize) -> usize) -> [usize; N] {
    let mut order = core::array::from_fn(|i| i);
    sort(&mut order, id);
    order
}

macro_rules! tuple {
    ($n:literal: $($L:ident $i:tt),+) => {
        impl<$($L: Locker + ?Sized),+> sealed::Sealed for ($(&$L,)+) {}

        impl<'a, $($L: Locker + ?Sized),+> LockSet for ($(&'a $L,)+) {
            type Guards = ($($L::Guard<'a>,)+);
            type Slots = ($(Slot<'a, $L>,)+);

            #[inline]
            fn open(self, _: sealed::Token) -> Self::Slots {
                ($(Place::new(self.$i),)+)
            }
        }

        impl<'a, $($L: Locker + ?Sized),+> Slots for ($(Slot<'a, $L>,)+) {
            type Guards = ($($L::Guard<'a>,)+);
            type Order = [usize; $n];

            #[inline]
            fn order(&self) -> [usize; $n] {
                numbers(|i| match i {
                    $($i => self.$i.lock.id(),)+
                    _ => unreachable!(),
                })
            }

            #[inline(always)]
            fn act(self: Pin<&mut Self>, i: usize, op: Op<'_, '_>) -> bool {
                match i {
                    $($i => {
                        // SAFETY: the slots of a pinned tuple are pinned: nobody moves one out, and a
                        // tuple has neither a destructor nor an `Unpin` of its own.
                        let slot = unsafe { self.map_unchecked_mut(|slots| &mut slots.$i) };
                        slot.act(op)
                    })+
                    _ => unreachable!(),
                }
            }

            #[inline]
            fn take(mut self: Pin<&mut Self>) -> Self::Guards {
                ($({
                    // SAFETY: as in `act`.
                    let slot = unsafe { self.as_mut().map_unchecked_mut(|slots| &mut slots.$i) };
                    slot.take()
                },)+)
            }
        }
    };
}

tuple!(2: A 0, B 1);
tuple!(3: A 0, B 1, C 2);
tuple!(4: A 0, B 1, C 2, D 3);
tuple!(5: A 0, B 1, C 2, D 3, E 4);
tuple!(6: A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(7: A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

impl<L: Locker + ?Sized, const N: usize> sealed::Sealed for [&L; N] {}

impl<'a, L: Locker + ?Sized, const N: usize> LockSet for [&'a L; N] {
    type Guards = [L::Guard<'a>; N];
    type Slots = [Slot<'a, L>; N];

    #[inline]
    fn open(self, _: sealed::Token) -> Self::Slots {
        self.map(Place::new)
    }
}

impl<L: Locker, const N: usize> sealed::Sealed for &[L; N] {}

impl<'a, L: Locker, const N: usize> LockSet for &'a [L; N] {
    type Guards = [L::Guard<'a>; N];
    type Slots = [Slot<'a, L>; N];

    #[inline]
    fn open(self, _: sealed::Token) -> Self::Slots {
        self.each_ref().map(Place::new)
    }
}

impl<'a, L: Locker + ?Sized, const N: usize> Slots for [Slot<'a, L>; N] {
    type Guards = [L::Guard<'a>; N];
    type Order = [usize; N];

    #[inline]
    fn order(&self) -> [usize; N] {
        numbers(|i| self[i].lock.id())
    }

    #[inline]
    fn act(self: Pin<&mut Self>, i: usize, op: Op<'_, '_>) -> bool {
        // SAFETY: the slots of a pinned array are pinned: nobody moves one out, and an array has
        // neither a destructor nor an `Unpin` of its own.
        let slot = unsafe { self.map_unchecked_mut(|slots| &mut slots[i]) };
        slot.act(op)
    }

    #[inline]
    fn take(mut self: Pin<&mut Self>) -> Self::Guards {
        core::array::from_fn(|i| {
            // SAFETY: as in `act`.
            let slot = unsafe { self.as_mut().map_unchecked_mut(|slots| &mut slots[i]) };
            slot.take()
        })
    }
}

#[cfg(feature = "alloc")]
mod slice {
    use super::*;
    use alloc::vec::Vec;

    pin_project! {
        /// Any number of locks of one type. Since one waits for one lock at a time, there is one place
        /// for a future.
        pub struct Many<'a, L> where L: Locker, L: 'a {
            locks: &'a [L],
            guards: Vec<Option<L::Guard<'a>>>,
            // Which lock the future is for.
            waits_for: usize,
            #[pin]
            state: State<L::Lock<'a>>,
        }
    }

    impl<L: Locker> sealed::Sealed for &[L] {}

    impl<'a, L: Locker> LockSet for &'a [L] {
        type Guards = Vec<L::Guard<'a>>;
        type Slots = Many<'a, L>;

        fn open(self, _: sealed::Token) -> Many<'a, L> {
            Many {
                locks: self,
                guards: self.iter().map(|_| None).collect(),
                waits_for: 0,
                state: State::Idle,
            }
        }
    }

    impl<L: Locker> sealed::Sealed for &Vec<L> {}

    impl<'a, L: Locker> LockSet for &'a Vec<L> {
        type Guards = Vec<L::Guard<'a>>;
        type Slots = Many<'a, L>;

        fn open(self, token: sealed::Token) -> Many<'a, L> {
            self.as_slice().open(token)
        }
    }

    impl<'a, L: Locker> Slots for Many<'a, L> {
        type Guards = Vec<L::Guard<'a>>;
        type Order = Vec<usize>;

        fn order(&self) -> Vec<usize> {
            let mut order: Vec<_> = (0..self.locks.len()).collect();
            sort(&mut order, |i| self.locks[i].id());
            order
        }

        fn act(self: Pin<&mut Self>, i: usize, op: Op<'_, '_>) -> bool {
            let mut this = self.project();
            if let Op::Release = op {
                if *this.waits_for == i {
                    this.state.set(State::Idle);
                }
                this.guards[i] = None;
                return true;
            }
            if this.guards[i].is_some() {
                return true;
            }
            if *this.waits_for != i {
                this.state.set(State::Idle);
                *this.waits_for = i;
            }
            let held = this.state.as_mut().act(&this.locks[i], op);
            if held {
                this.guards[i] = Some(this.state.take());
            }
            held
        }

        fn take(self: Pin<&mut Self>) -> Vec<L::Guard<'a>> {
            let guards = core::mem::take(self.project().guards);
            guards.into_iter().flatten().collect()
        }
    }
}
