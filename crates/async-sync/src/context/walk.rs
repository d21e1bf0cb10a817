//! Cancelling a scope and everything below it.
//!
//! ```text
//! 1  the root is cancelled, then its children, then theirs, breadth first; nobody is called yet
//! 2  all of them are COVERED
//! 3  who waits for any of them is woken
//! 4  callbacks are called, timers are dropped
//! ```
//!
//! So when the first waker or callback runs, the whole tree below is cancelled, and each of them is
//! called even if another one panics.
//!
//! # The list
//!
//! The nodes of a walk stand in a list through the nodes themselves. A node is cancelled once, hence
//! it is in one list at most, and a walk allocates nothing and has no recursion. A node that has no
//! children, waiters, callbacks or timer is done in step 1 and need not be remembered.
//!
//! # Several walks at once
//!
//! A walk may come upon a node that another one has cancelled, and is not `COVERED`: the other is on
//! its way through what is below. This one then looks at the children of that node itself, and
//! cancels those that it finds alive. So when a call returns, all below its root are cancelled, and
//! nobody has waited for another thread. (Only this case, which needs a race, remembers nodes in
//! memory that it allocates.)

use std::any::Any;
use std::array;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::cause::Cause;
use super::node::Node;

/// Children that are looked at in one go.
const BATCH: usize = if cfg!(any(loom, shuttle)) { 1 } else { 16 };

/// Entries of a slab, most of them vacant, that are passed under the lock in one go.
const SCAN: usize = 16 * BATCH;

type Payload = Box<dyn Any + Send>;

/// Calls what is foreign, and keeps the first panic.
fn call(panic: &mut Option<Payload>, foreign: impl FnOnce()) {
    // Unwind-safe: what the call may leave half-way is its own.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) {
        if panic.is_some() {
            // Leaked: its destructor is foreign, and another panic here would end the walk.
            std::mem::forget(payload);
        } else {
            *panic = Some(payload);
        }
    }
}

/// What came of a walk.
#[must_use]
pub(super) struct Walked {
    /// Whether this walk cancelled the root.
    pub(super) first: bool,
    panic: Option<Payload>,
}

impl Walked {
    /// Lets the first panic of a waker or a callback go on.
    pub(super) fn resume(self) -> bool {
        if let Some(payload) = self.panic {
            if std::thread::panicking() {
                std::mem::forget(payload); // as in `call`
            } else {
                resume_unwind(payload);
            }
        }
        self.first
    }

    /// Panics were reported by the panic hook, and that is all: nobody here has asked for the
    /// callbacks to run.
    pub(super) fn quietly(self) {
        if let Some(payload) = self.panic {
            // The payload's destructor may panic, too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        }
    }
}

/// Cancels `root` and everything below, and calls all who are to be told.
pub(super) fn cancel(root: &Arc<Node>, cause: &Cause) -> Walked {
    let mut walked = Walked {
        first: false,
        panic: None,
    };
    if root.raw.state().is_covered() || root.is_background() {
        return walked;
    }
    // The address of something on this stack: no other walk that is under way has the same.
    let mark: u8 = 0;
    let mut walk = Walk {
        mark: (&raw const mark).addr(),
        cause,
        head: None,
        tail: None,
        others: Vec::new(),
        seen: HashSet::new(),
    };
    walked.first = walk.visit(root);
    walk.descend(&mut walked.panic);
    walk.cover();
    if walked.first {
        root.leave_parents();
    }
    walk.tell(&mut walked.panic);
    walked
}

struct Walk<'a> {
    mark: usize,
    cause: &'a Cause,
    /// The list of those that this walk has cancelled.
    head: Option<Arc<Node>>,
    tail: Option<Arc<Node>>,
    /// Cancelled by another walk that has not covered them, and how many were looked at.
    others: Vec<Arc<Node>>,
    /// Addresses of those.
    seen: HashSet<*const Node>,
}

impl Walk<'_> {
    /// Cancels a node. Whether it was alive.
    fn visit(&mut self, node: &Arc<Node>) -> bool {
        let mut inner = node.lock();
        let Some(waiting) = node.raw.cancel() else {
            let mine = inner.walk == self.mark;
            drop(inner);
            if !mine && !node.raw.state().is_covered() && self.seen.insert(Arc::as_ptr(node)) {
                self.others.push(Arc::clone(node));
            }
            return false;
        };
        inner.cause.get_or_insert_with(|| self.cause.clone());
        if !waiting
            && inner.children.is_empty()
            && inner.callbacks.is_empty()
            && inner.alarm.is_none()
        {
            node.raw.cover();
            return true;
        }
        inner.walk = self.mark;
        drop(inner);
        match self.tail.replace(Arc::clone(node)) {
            Some(tail) => tail.lock().next = Some(Arc::clone(node)),
            None => self.head = Some(Arc::clone(node)),
        }
        true
    }

    /// Visits everything below those that have been visited.
    fn descend(&mut self, panic: &mut Option<Payload>) {
        let (mut last, mut others): (Option<Arc<Node>>, usize) = (None, 0);
        loop {
            let next = match &last {
                Some(last) => last.lock().next.clone(),
                None => self.head.clone(),
            };
            if let Some(node) = next {
                self.visit_children(&node, panic);
                last = Some(node);
            } else if let Some(other) = self.others.get(others).cloned() {
                others += 1;
                self.visit_children(&other, panic);
            } else {
                return;
            }
        }
    }

    fn visit_children(&mut self, node: &Node, panic: &mut Option<Payload>) {
        let mut cursor = 0;
        loop {
            let mut batch: [Option<Arc<Node>>; BATCH] = array::from_fn(|_| None);
            let mut len = 0;
            let end = {
                let inner = node.lock();
                let end = inner.children.capacity();
                let stop = end.min(cursor + SCAN);
                while cursor < stop && len < BATCH {
                    // One that cannot be upgraded is going away.
                    if let Some(child) = inner.children.get(cursor) {
                        batch[len] = child.upgrade();
                        len += usize::from(batch[len].is_some());
                    }
                    cursor += 1;
                }
                end
            };
            for child in batch.into_iter().flatten() {
                self.visit(&child);
                // Without the lock, which a child takes when it goes away. If this is the last of it,
                // its destructors are foreign, and must not end the walk.
                call(panic, || drop(child));
            }
            if cursor >= end {
                return;
            }
        }
    }

    /// All below all of them are cancelled.
    fn cover(&self) {
        let mut next = self.head.clone();
        while let Some(node) = next {
            node.raw.cover();
            next = node.lock().next.clone();
        }
        for other in &self.others {
            other.raw.cover();
        }
    }

    /// Calls those who wait, then the callbacks.
    fn tell(mut self, panic: &mut Option<Payload>) {
        let mut next = self.head.clone();
        while let Some(node) = next {
            if node.raw.state().is_waiting() {
                call(panic, || node.raw.release());
            }
            next = node.lock().next.clone();
        }
        self.tail = None;
        next = self.head.take();
        while let Some(node) = next {
            let (callbacks, alarm, cause) = {
                let mut inner = node.lock();
                next = inner.next.take();
                let callbacks = inner.callbacks.capacity();
                (callbacks, inner.alarm.take(), inner.cause.clone())
            };
            for key in 0..callbacks {
                // One by one: until it has begun, a callback can be withdrawn.
                let callback = node.lock().callbacks.try_remove(key);
                if let (Some(callback), Some(cause)) = (callback, &cause) {
                    call(panic, || callback(cause));
                }
            }
            if let Some(alarm) = alarm {
                call(panic, || alarm.disarm());
            }
            // Its destructors are foreign, if this is the last of it.
            call(panic, || drop(node));
        }
        for other in self.others.drain(..) {
            call(panic, || drop(other));
        }
    }
}
