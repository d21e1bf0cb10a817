//! Context: a tree that grows and shrinks while two cancel in it.

use super::*;
use crate::Context as Scope;

#[test]
fn context() {
    check_random(|| {
        let root = Scope::new();
        let below = root.child();
        let called = Arc::new(AtomicUsize::new(0));
        let entered = Arc::new(AtomicUsize::new(0));
        let (calls, enters) = (Arc::clone(&called), Arc::clone(&entered));
        let (scope, last) = (root.clone(), below.clone());
        run(5, move |n| match n {
            0 => {
                let child = below.child();
                root.cancel();
                assert!(root.is_cancelled() && below.is_cancelled() && child.is_cancelled());
            }
            1 => {
                let child = below.child();
                below.cancel();
                assert!(below.is_cancelled() && child.is_cancelled());
            }
            2 => {
                for _ in 0..2 {
                    let child = below.child();
                    let calls = Arc::clone(&calls);
                    let handle = child.on_cancel(move |_| {
                        calls.fetch_add(1, Ordering::SeqCst);
                    });
                    thread::yield_now();
                    let stays = !handle.stop();
                    enters.fetch_add(usize::from(stays), Ordering::SeqCst);
                }
            }
            3 => {
                drop(glance(below.cancelled()));
                drop(glance(root.cancelled()));
                let never = below.run(std::future::pending::<()>());
                assert!(block_on(never).unwrap_err().is_canceled());
            }
            _ => {
                let both = Scope::child_of([&root, &below]);
                assert!(block_on(both.child().cancelled()).is_canceled());
                assert!(both.is_cancelled());
            }
        });
        // A callback was withdrawn, or called, once.
        assert_eq!(
            called.load(Ordering::SeqCst),
            entered.load(Ordering::SeqCst)
        );
        assert_eq!((scope.waiters(), last.waiters()), (0, 0));
        drop(last);
        assert_eq!(scope.children(), 0);
    });
}
