//! What only some trees of cancellation have: several parents, callbacks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::tools::{Polled, now, panics, queued};
use super::super::{Measurement, Verdict, check, list};
use super::{CROWD, left};
use crate::peers::{TokenWithCallbacks, TokenWithParents};

/// Of those with several parents.
pub(in super::super) fn several_parents<T: TokenWithParents>() -> Vec<Measurement> {
    list! {
        "parents", any_parent_cancels::<T>, "A scope with several parents is cancelled with each of them",
            "With the first, the second or the third; the other parents are not.";
        "parents-flat", many_parents_keep_nothing::<T>, "... and none of them keeps it",
            "Ten thousand children of three parents, one after the other.";
    }
}

/// Of those that call functions.
pub(in super::super) fn callbacks<T: TokenWithCallbacks>() -> Vec<Measurement> {
    list! {
        "callback", called_once::<T>, "A callback is called once, before the cancellation returns",
            "Of the scope itself, of a child, and of one that is cancelled already; then they are cancelled again.";
        "callback-last", called_after_all_is_cancelled::<T>, "... and after everything below is cancelled and those who wait were woken",
            "It looks at a grandchild, and at the waker of one who waits.";
        "callback-withdrawn", withdrawn::<T>, "A callback that is withdrawn is never called, and dropped",
            "By a call, and by dropping the handle; and it is known whether that was in time.";
        "callback-reenters", a_callback_uses_it::<T>, "A callback may use the scope that calls it",
            "It makes a child, a callback, and cancels again.";
        "callback-panics", a_callback_panics::<T>, "A callback that panics costs nobody else anything",
            "One of three; the others are called, and a child is cancelled.";
    }
}

fn any_parent_cancels<T: TokenWithParents>() -> Verdict {
    for cancelled in 0..3 {
        let parents = [(); 3].map(|()| T::new());
        let child = T::child_of(&parents);
        let mut wait = queued(child.cancelled());
        parents[cancelled].cancel();
        check!(
            child.is_cancelled() && wait.served().is_some(),
            "it is not cancelled by parent {cancelled} of 3"
        );
        let others = parents.iter().filter(|it| it.is_cancelled()).count();
        check!(others == 1, "other parents are cancelled");
    }
    Verdict::kept()
}

fn many_parents_keep_nothing<T: TokenWithParents>() -> Verdict {
    let parents = [(); 3].map(|()| T::new());
    let left = left(|| {
        for _ in 0..CROWD {
            drop(T::child_of(&parents));
        }
    });
    check!(left < 2048, "{left} bytes are left of 10 000 children");
    Verdict::Kept(format!("{left} bytes"))
}

/// A callback that counts.
fn counted(count: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static + use<> {
    let count = Arc::clone(count);
    move || _ = count.fetch_add(1, Ordering::SeqCst)
}

fn called_once<T: TokenWithCallbacks>() -> Verdict {
    let (root, count) = (T::new(), Arc::<AtomicUsize>::default());
    let child = root.child();
    let _callbacks = (
        root.on_cancel(counted(&count)),
        child.on_cancel(counted(&count)),
    );
    root.cancel();
    let _late = child.on_cancel(counted(&count));
    child.cancel();
    root.cancel();
    let calls = count.load(Ordering::SeqCst);
    check!(calls == 3, "three callbacks, {calls} calls");
    Verdict::kept()
}

fn called_after_all_is_cancelled<T: TokenWithCallbacks>() -> Verdict {
    let root = T::new();
    let grandchild = root.child().child();
    let waiter = queued(grandchild.cancelled());
    let seen = Arc::new(Mutex::new(None));
    let _callback = root.on_cancel({
        let (seen, below, task) = (Arc::clone(&seen), grandchild.clone(), waiter.task.clone());
        move || {
            let now = (below.is_cancelled(), task.woken() > 0);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    });
    root.cancel();
    let seen = *seen.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((cancelled, woken)) = seen else {
        return Verdict::Broken("it is not called".to_owned());
    };
    check!(cancelled, "the grandchild is not cancelled by then");
    check!(woken, "the grandchild's waiter is not woken by then");
    Verdict::kept()
}

fn withdrawn<T: TokenWithCallbacks>() -> Verdict {
    let (root, count) = (T::new(), Arc::<AtomicUsize>::default());
    let stopped = root.on_cancel(counted(&count));
    check!(T::withdraw(stopped), "it says that it was too late");
    drop(root.on_cancel(counted(&count)));
    check!(Arc::strong_count(&count) == 1, "what was withdrawn is kept");
    let late = root.on_cancel(counted(&count));
    root.cancel();
    check!(!T::withdraw(late), "it says that it was in time");
    let calls = count.load(Ordering::SeqCst);
    check!(calls == 1, "one callback was left, {calls} calls");
    Verdict::kept()
}

fn a_callback_uses_it<T: TokenWithCallbacks>() -> Verdict {
    let (root, count) = (T::new(), Arc::<AtomicUsize>::default());
    let _callback = root.on_cancel({
        let (root, count) = (root.clone(), Arc::clone(&count));
        move || {
            let born = root.child().is_cancelled();
            drop(root.on_cancel(counted(&count)));
            root.cancel();
            if born && now(root.cancelled()).is_some() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    root.cancel();
    let calls = count.load(Ordering::SeqCst);
    check!(calls == 2, "{calls} of 2 things happened");
    Verdict::kept()
}

fn a_callback_panics<T: TokenWithCallbacks>() -> Verdict {
    let (root, count) = (T::new(), Arc::<AtomicUsize>::default());
    let child = root.child();
    let mut waiter: Polled<_> = queued(child.cancelled());
    let _callbacks = (
        root.on_cancel(counted(&count)),
        root.on_cancel(|| panic!("callback")),
        root.on_cancel(counted(&count)),
    );
    let _ = panics(|| root.cancel());
    let calls = count.load(Ordering::SeqCst);
    check!(calls == 2, "{calls} of 2 others are called");
    check!(
        child.is_cancelled() && waiter.served().is_some(),
        "the child is not cancelled"
    );
    Verdict::kept()
}
