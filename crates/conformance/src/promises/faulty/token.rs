//! Trees of cancellation: one in a wrapper, and one as it is written first, with strong references to
//! children, recursion, and wakers called under the lock.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use async_sync::Context;
use async_sync::context::OnCancel;

use super::super::token::{callbacks, every, several_parents};
use super::future::Faulty;
use super::*;
use crate::peers::{AsyncToken, TokenWithCallbacks, TokenWithParents};

#[derive(Clone)]
struct Token<const FAULT: u8>(Context, Arc<Mutex<()>>, Option<Arc<Above>>);

/// The scope above, dropped by recursion. A real one overflows its stack sooner or later; this one says so.
struct Above(Option<Arc<Above>>);

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

impl Drop for Above {
    fn drop(&mut self) {
        let above = self.0.take();
        DEPTH.set(DEPTH.get() + 1);
        if DEPTH.get() > 100 {
            std::mem::forget(above);
            panic!("the stack overflows");
        }
        drop(above);
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl<const FAULT: u8> AsyncToken for Token<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";

    fn new() -> Self {
        Token(Context::new(), Arc::default(), None)
    }

    fn child(&self) -> Self {
        let _held = (FAULT == LOCKED).then(|| self.1.lock());
        if FAULT == APART {
            return Self::new();
        }
        let above = (FAULT == STAYS).then(|| Arc::new(Above(self.2.clone())));
        Token(self.0.child(), Arc::clone(&self.1), above)
    }

    fn cancel(&self) {
        let _held = (FAULT == LOCKED).then(|| self.1.lock());
        if FAULT == TWICE {
            assert!(!self.0.is_cancelled(), "it is cancelled already");
        }
        self.0.cancel();
    }

    fn is_cancelled(&self) -> bool {
        let _held = (FAULT == LOCKED).then(|| self.1.lock());
        self.0.is_cancelled()
    }

    fn cancelled(&self) -> impl Future<Output = ()> + Send {
        Faulty::<_, FAULT>::new(async {
            if FAULT == LOCKED {
                drop(self.1.lock());
            }
            self.0.cancelled().await;
        })
    }
}

impl<const FAULT: u8> TokenWithParents for Token<FAULT> {
    fn child_of(parents: &[Self]) -> Self {
        if FAULT == KEEPS {
            std::mem::forget(Context::child_of(parents.iter().map(|it| &it.0)));
        }
        // (APART: only of the first.)
        let parents = &parents[..if FAULT == APART { 1 } else { parents.len() }];
        let child = Context::child_of(parents.iter().map(|it| &it.0));
        Token(child, Arc::default(), None)
    }
}

struct Callback(OnCancel, bool);

impl<const FAULT: u8> TokenWithCallbacks for Token<FAULT> {
    type Callback = Callback;

    fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> Callback {
        match FAULT {
            EMPTY => Callback(self.0.on_cancel(move |_| drop(callback)), false),
            LIFO => {
                // Before all others: those below hear of it afterwards.
                callback();
                Callback(self.0.on_cancel(|_| ()), false)
            }
            KEEPS => {
                self.0.on_cancel(move |_| callback()).detach();
                Callback(self.0.on_cancel(|_| ()), true)
            }
            _ => Callback(self.0.on_cancel(move |_| callback()), false),
        }
    }

    fn withdraw(callback: Callback) -> bool {
        callback.0.stop() || callback.1
    }
}

/// One as it is written first.
#[derive(Clone, Default)]
struct Naive(Arc<Mutex<Node>>);

#[derive(Default)]
struct Node {
    cancelled: bool,
    children: Vec<Naive>,
    wakers: Vec<Waker>,
}

impl Drop for Node {
    /// Without recursion, since that cannot be caught.
    fn drop(&mut self) {
        let mut below = std::mem::take(&mut self.children);
        while let Some(child) = below.pop() {
            if let Some(node) = Arc::into_inner(child.0) {
                below.append(&mut node.into_inner().unwrap().children);
            }
        }
    }
}

impl Naive {
    /// A real one overflows its stack sooner or later; this one says so.
    fn cancel_at(&self, depth: usize) {
        assert!(depth < 100, "the stack overflows");
        let mut node = self.0.lock().unwrap();
        node.cancelled = true;
        for waker in std::mem::take(&mut node.wakers) {
            waker.wake();
        }
        let children = node.children.clone();
        drop(node);
        for child in children {
            child.cancel_at(depth + 1);
        }
    }
}

impl AsyncToken for Naive {
    const NAME: &'static str = "naive";
    const PACKAGE: &'static str = "";

    fn new() -> Self {
        Self::default()
    }

    fn child(&self) -> Self {
        let child = Self::default();
        let mut node = self.0.lock().unwrap();
        child.0.lock().unwrap().cancelled = node.cancelled;
        node.children.push(child.clone());
        child
    }

    fn cancel(&self) {
        self.cancel_at(0);
    }

    fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap().cancelled
    }

    async fn cancelled(&self) {
        std::future::poll_fn(|cx| {
            let mut node = self.0.lock().unwrap();
            if node.cancelled {
                return Poll::Ready(());
            }
            node.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    let mut all = every::<Token<FAULT>>();
    all.extend(several_parents::<Token<FAULT>>());
    all.extend(callbacks::<Token<FAULT>>());
    all
}

#[test]
fn with_a_fault() {
    bites(
        &all::<SOUND>(),
        &all::<DEAF>(),
        &["all-wake", "leaked", "threads", "s69"],
    );
    bites(&all::<SOUND>(), &all::<STALE>(), &["another-waker"]);
    bites(&all::<SOUND>(), &all::<HOARDS>(), &["spurious"]);
    bites(&all::<SOUND>(), &all::<LEAKS>(), &["cancel"]);
    bites(&all::<SOUND>(), &all::<STAYS>(), &["deep-drop"]);
    counts_allocations(&all::<ALLOCATES>());
    bites(
        &all::<SOUND>(),
        &all::<LOCKED>(),
        &["wake-unlocked", "wake-reenters"],
    );
    bites(&all::<SOUND>(), &all::<TWICE>(), &["again"]);
    let apart = ["down", "born", "orphan", "s66", "forest", "parents"];
    bites(&all::<SOUND>(), &all::<APART>(), &apart);
    let empty = ["callback", "callback-reenters", "callback-panics"];
    bites(&all::<SOUND>(), &all::<EMPTY>(), &empty);
    bites(&all::<SOUND>(), &all::<LIFO>(), &["callback-last"]);
    bites(
        &all::<SOUND>(),
        &all::<KEEPS>(),
        &["callback-withdrawn", "parents-flat"],
    );
}

#[test]
fn a_naive_one() {
    let naive = ["first", "flat", "flat-crowd", "deep", "wake-unlocked"];
    bites(&all::<SOUND>(), &every::<Naive>(), &naive);
}
