//! A scope: one place in the tree of cancellation.
//!
//! # Who refers to whom
//!
//! A child owns its parents, through `Arc`. A parent knows its children, through `Weak` in a slab, so
//! a child that nobody uses any more goes away at once and takes itself out of each parent by its
//! key: O(1), whoever else is there. Handles, waiting futures and callbacks' handles own their node.
//!
//! # The lock
//!
//! `inner` has its own. It is held for a few instructions: nothing foreign runs under it, nor is an
//! `Arc` of a node dropped there (its destructor takes the lock of the parents). Two locks are never
//! held at once.
//!
//! # Invariants
//!
//! 1. `CANCELLED` is set under the lock, with `cause` in its place; `cause` never changes once it is there.
//! 2. Nobody is adopted, and no callback is entered, after `CANCELLED`. So whoever sets it and then
//!    looks at the children, sees all of them.
//! 3. If `COVERED`, all below are `CANCELLED`.
//! 4. A deadline that has passed counts as a cancellation for whoever looks, before the timer has
//!    had its turn: `is_cancelled` is true, and the cause is fixed as soon as anybody asks for it.

use std::mem;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use slab::Slab;
use sync_core::atomic::{Mutex, MutexGuard, Ordering};
use sync_core::waiters::{Contains, Driver};

use super::alarm::Alarm;
use super::cause::Cause;
use super::raw::RawCancel;
use super::walk;

pub(super) type Callback = Box<dyn FnOnce(&Cause) + Send>;

/// The head of this file explains it.
pub(super) struct Node {
    pub(super) raw: RawCancel,
    /// Never cancelled, so nobody need be told about its children.
    background: bool,
    /// The earliest of its own and its parents'.
    deadline: Option<Arc<Deadline>>,
    /// Fixed when the node is made.
    parents: Links,
    inner: Mutex<Inner>,
}

/// When, and by which clock.
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) now: Box<dyn Fn() -> Instant + Send + Sync>,
}

impl Deadline {
    fn has_passed(&self) -> bool {
        (self.now)() >= self.at
    }
}

pub(super) struct Inner {
    pub(super) cause: Option<Cause>,
    pub(super) children: Slab<Weak<Node>>,
    pub(super) callbacks: Slab<Callback>,
    /// What cancels this node in time; taken by whoever cancels it.
    pub(super) alarm: Option<Arc<Alarm>>,
    /// Which walk has cancelled it, and its next one in that walk's list.
    pub(super) walk: usize,
    pub(super) next: Option<Arc<Node>>,
}

/// A child's place in one of its parents, which it leaves when it is dropped.
pub(super) struct Link {
    /// None only in the destructor.
    parent: Option<Arc<Node>>,
    /// [`NOWHERE`](Self::NOWHERE) before the child is entered and after it has left. Orders nothing.
    key: AtomicUsize,
}

impl Link {
    const NOWHERE: usize = usize::MAX;

    fn leave(&self) {
        // Relaxed: whoever has the key has the node, and got it after it was entered.
        let key = self.key.swap(Self::NOWHERE, Ordering::Relaxed);
        if key != Self::NOWHERE
            && let Some(parent) = &self.parent
        {
            parent.forget(key);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.leave();
    }
}

/// To the parents: one as a rule, so that one needs no allocation.
#[derive(Default)]
pub(super) struct Links {
    first: Option<Link>,
    more: Vec<Link>,
}

impl Links {
    fn push(&mut self, link: Link) {
        if self.first.is_none() {
            self.first = Some(link);
        } else {
            self.more.push(link);
        }
    }

    fn pop(&mut self) -> Option<Link> {
        self.more.pop().or_else(|| self.first.take())
    }

    fn iter(&self) -> impl Iterator<Item = &Link> {
        self.first.iter().chain(&self.more)
    }
}

impl Node {
    /// A node without parents.
    pub(super) fn root(background: bool) -> Arc<Node> {
        Arc::new(Node::new(background, Links::default(), None))
    }

    fn new(background: bool, parents: Links, deadline: Option<Arc<Deadline>>) -> Self {
        Node {
            raw: RawCancel::new(),
            background,
            deadline,
            parents,
            inner: Mutex::new(Inner {
                cause: None,
                children: Slab::new(),
                callbacks: Slab::new(),
                alarm: None,
                walk: 0,
                next: None,
            }),
        }
    }

    /// A child of `parents`, with their earliest deadline or an earlier one. Cancelled if one of them
    /// is.
    pub(super) fn child_of<'a>(
        parents: impl IntoIterator<Item = &'a Arc<Node>>,
        mut deadline: Option<Arc<Deadline>>,
    ) -> Arc<Node> {
        let mut links = Links::default();
        for parent in parents {
            if let Some(theirs) = &parent.deadline
                && deadline.as_ref().is_none_or(|own| theirs.at < own.at)
            {
                deadline = Some(Arc::clone(theirs));
            }
            if !parent.background {
                links.push(Link {
                    parent: Some(Arc::clone(parent)),
                    key: AtomicUsize::new(Link::NOWHERE),
                });
            }
        }
        let node = Arc::new(Node::new(false, links, deadline));
        for link in node.parents.iter() {
            let Some(parent) = &link.parent else { continue };
            match parent.adopt(&node) {
                Ok(key) => link.key.store(key, Ordering::Relaxed),
                Err(cause) => {
                    // Nobody knows the node, so there is nobody to call.
                    walk::cancel(&node, &cause).quietly();
                    break;
                }
            }
        }
        node
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing foreign runs under the lock, so a poisoned one is still consistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a child, unless this node is cancelled: then its cause.
    fn adopt(&self, child: &Arc<Node>) -> Result<usize, Cause> {
        let child = Arc::downgrade(child);
        let mut inner = self.lock();
        if self.raw.state().is_cancelled() {
            let cause = inner.cause.clone();
            drop(inner);
            return Err(cause.unwrap_or(Cause::Canceled));
        }
        Ok(inner.children.insert(child))
    }

    /// A child has left.
    fn forget(&self, key: usize) {
        /// A slab that has grown beyond this does not stay when it is empty.
        const KEPT: usize = 64;
        let mut inner = self.lock();
        let child = inner.children.try_remove(key);
        let empty = inner.children.is_empty() && inner.children.capacity() > KEPT;
        let slab = empty.then(|| mem::take(&mut inner.children));
        drop(inner);
        drop((child, slab));
    }

    /// The node is cancelled on its own account: its parents need not know it any longer.
    pub(super) fn leave_parents(&self) {
        for link in self.parents.iter() {
            link.leave();
        }
    }

    pub(super) fn is_background(&self) -> bool {
        self.background
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.as_ref().map(|deadline| deadline.at)
    }

    /// Whether the deadline, if there is one, has passed.
    #[inline]
    pub(super) fn is_overdue(&self) -> bool {
        match &self.deadline {
            None => false,
            Some(deadline) => deadline.has_passed(),
        }
    }

    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.raw.state().is_cancelled() || self.is_overdue()
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        // (The clock is foreign, so it is asked before the lock is taken.)
        if !self.raw.state().is_cancelled() && !self.is_overdue() {
            return None;
        }
        let mut inner = self.lock();
        let cause = inner.cause.get_or_insert(Cause::DeadlineExceeded);
        Some(cause.clone())
    }

    /// How many children it knows.
    pub(super) fn children(&self) -> usize {
        self.lock().children.len()
    }
}

impl Drop for Node {
    /// A loop over the ancestors that go away with it: one inside the other, a deep tree would
    /// overflow the stack.
    fn drop(&mut self) {
        let alarm = self.lock().alarm.take();
        let mut links = mem::take(&mut self.parents);
        while let Some(mut link) = links.pop() {
            link.leave();
            if let Some(mut parent) = link.parent.take().and_then(Arc::into_inner) {
                while let Some(link) = parent.parents.pop() {
                    links.push(link);
                }
            }
        }
        if let Some(alarm) = alarm {
            alarm.disarm();
        }
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl Contains<1> for Node {
    type Raw = RawCancel;

    #[inline]
    fn raw(&self, _: Driver) -> &RawCancel {
        &self.raw
    }
}
