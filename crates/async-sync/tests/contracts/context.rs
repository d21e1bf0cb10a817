//! The contracts of contexts and of watches.

use std::mem::size_of;
use std::pin::pin;

use async_sync::Watch;
use async_sync::context::{
    CancelOnDrop, Cancelled, CancelledOwned, Cause, Context, OnCancel, Run, RunOwned,
};
use async_sync::watch::{Changed, Closed, CompareError, Receiver, Sender, WaitFor, Watcher};

use super::{Arc, NotSend, NotSync, Waker, allocations, assert_impl_all, assert_not_impl_any};

assert_impl_all!(Context: Send, Sync, Unpin, Clone, Default);
assert_impl_all!(Context: std::panic::UnwindSafe, std::panic::RefUnwindSafe);
assert_not_impl_any!(Context: Copy);
assert_impl_all!(Cause: Send, Sync, Unpin, Clone, std::error::Error, Into<std::io::Error>);
assert_impl_all!(OnCancel: Send, Sync, Unpin);
assert_not_impl_any!(OnCancel: Clone);
assert_impl_all!(CancelOnDrop: Send, Sync, Unpin);
assert_not_impl_any!(CancelOnDrop: Clone);
assert_impl_all!(Cancelled<'static>: Send, Sync);
assert_not_impl_any!(Cancelled<'static>: Unpin, Clone);
assert_impl_all!(CancelledOwned: Send, Sync);
assert_not_impl_any!(CancelledOwned: Unpin, Clone);
assert_impl_all!(Run<'static, std::future::Ready<NotSync>>: Send);
assert_not_impl_any!(Run<'static, std::future::Ready<NotSend>>: Send);
assert_impl_all!(RunOwned<std::future::Ready<NotSync>>: Send);

// A watch gives references of its value to any thread.
assert_impl_all!(Watch<u8>: Send, Sync, Unpin, Default, From<u8>);
assert_not_impl_any!(Watch<u8>: Clone);
assert_not_impl_any!(Watch<NotSync>: Send, Sync);
assert_not_impl_any!(Watch<NotSend>: Send, Sync);
assert_impl_all!(Sender<u8>: Send, Sync, Unpin, Clone);
assert_not_impl_any!(Sender<NotSync>: Send, Sync);
assert_impl_all!(Receiver<u8>: Send, Sync, Unpin, Clone);
assert_not_impl_any!(Receiver<NotSync>: Send, Sync);
assert_impl_all!(Watcher<'static, u8>: Send, Sync, Unpin, Clone);
assert_impl_all!(Changed<'static, u8, Arc<Watch<u8>>>: Send, Sync);
assert_not_impl_any!(Changed<'static, u8, Arc<Watch<u8>>>: Unpin, Clone);
assert_not_impl_any!(Changed<'static, NotSync, Arc<Watch<NotSync>>>: Send);
assert_impl_all!(WaitFor<'static, u8, Arc<Watch<u8>>, fn(&u8) -> bool>: Send);
assert_impl_all!(Closed: std::error::Error, Copy, Eq);
assert_impl_all!(CompareError<u8>: std::error::Error, Clone, Eq);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert_eq!(size_of::<Context>(), 16);
    assert_eq!(size_of::<Option<Context>>(), 16);
    assert!(size_of::<CancelOnDrop>() <= 24);
    assert!(size_of::<OnCancel>() <= 24);
    assert!(size_of::<Cancelled<'_>>() <= 64);
    assert!(size_of::<CancelledOwned>() <= 64);
    assert!(size_of::<Run<'_, std::future::Ready<u8>>>() <= 72);
    assert!(size_of::<Watch<u64>>() <= 40);
    assert_eq!(size_of::<Sender<u64>>(), 8);
    assert_eq!(size_of::<Receiver<u64>>(), 24);
    assert!(size_of::<Changed<'_, u64, Arc<Watch<u64>>>>() <= 64);
}

#[test]
fn nothing_is_allocated_to_wait_to_be_cancelled_or_to_be_told() {
    let root = Context::new();
    let children: Vec<_> = (0..20).map(|_| root.child()).collect();
    let below = children[3].child();
    let watch = Watch::new(0);
    let (mut first, mut second) = (watch.subscribe(), watch.subscribe());
    let next = Arc::new(1);
    let mut cx = std::task::Context::from_waker(Waker::noop());
    let count = allocations(|| {
        {
            let mut waits = [const { None::<Cancelled<'_>> }; 20];
            for (slot, child) in waits.iter_mut().zip(&children) {
                *slot = Some(child.cancelled());
            }
            let mut waits = pin!(waits);
            // SAFETY: the array is pinned, and its elements with it.
            let waits = unsafe { waits.as_mut().get_unchecked_mut() };
            for wait in waits.iter_mut().flatten() {
                // SAFETY: as above.
                let wait = unsafe { std::pin::Pin::new_unchecked(wait) };
                assert!(wait.poll(&mut cx).is_pending());
            }
            let mut run = pin!(below.run_owned(std::future::pending::<()>()));
            let mut leaves = pin!(Some(root.cancelled()));
            assert!(run.as_mut().poll(&mut cx).is_pending());
            assert!(
                leaves
                    .as_mut()
                    .as_pin_mut()
                    .unwrap()
                    .poll(&mut cx)
                    .is_pending()
            );
            leaves.set(None);
            assert!(
                root.cancel(),
                "21 scopes below, all of which are waited for"
            );
            assert!(run.poll(&mut cx).is_ready());
        }
        let mut changed = pin!(first.changed());
        let mut finds = pin!(second.wait_for(|n| *n == 1));
        assert!(changed.as_mut().poll(&mut cx).is_pending());
        assert!(finds.as_mut().poll(&mut cx).is_pending());
        drop(watch.swap_arc(next));
        assert!(changed.poll(&mut cx).is_ready() && finds.poll(&mut cx).is_ready());
    });
    assert_eq!(count, 0);
    assert!(children.iter().all(Context::is_cancelled));
}

/// A child is one allocation, a clone none; a parent that has had children has room for others.
#[test]
fn what_a_child_costs() {
    let root = Context::new();
    drop((root.child(), root.child()));
    let count = allocations(|| {
        let child = root.child();
        drop((child.clone(), child.cancelled_owned()));
        child.cancel();
    });
    assert_eq!(count, 1);
}

/// A future that borrows may be given up for one that borrows for a shorter time.
#[allow(dead_code, reason = "compiling is the test")]
fn variance<'short, 'long: 'short>(
    wait: Cancelled<'long>,
    run: Run<'long, std::future::Ready<&'long u8>>,
    watcher: Watcher<'long, u8>,
) {
    drop::<Cancelled<'short>>(wait);
    drop::<Run<'short, std::future::Ready<&'short u8>>>(run);
    drop::<Watcher<'short, u8>>(watcher);
}
