//! What is measured of trees of cancellation.

mod offers;

pub(super) use offers::{callbacks, several_parents};

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Context;

use super::counting::left;
use super::hostile::Script;
use super::news::{self, News};
use super::tools::{meanwhile, now, queued};
use super::{Measurement, Verdict, check, list, scenario};
use crate::peers::AsyncToken;
use crate::scenarios::any_token;

/// Of every tree of cancellation.
pub(super) fn every<T: AsyncToken>() -> Vec<Measurement> {
    let mut all = list! {
        "down", down::<T>, "When a cancellation returns, everything below is cancelled, and nothing else",
            "Children and grandchildren of the one that is cancelled; its parent and its siblings.";
        "first", before_the_first_waker::<T>, "... already when the first waker is called",
            "The root's own waiter is called, and looks at the grandchild; and the other way round.";
        "born", born_cancelled::<T>, "A child of one that is cancelled is born cancelled",
            "And its wait ends at its first poll.";
        "orphan", an_orphan_is_reached::<T>, "A grandchild is reached though nobody has a handle between",
            "The handle of the child is dropped; then the root is cancelled.";
        "again", again::<T>, "Cancelling again does nothing",
            "Also of a child whose parent was cancelled before or is afterwards.";
        "flat", finished_children_are_not_kept::<T>, "Finished children take no memory",
            "Ten thousand children, each waited for once and dropped: the bytes that are left, by a counting allocator.";
        "flat-crowd", a_crowd_is_not_kept::<T>, "... also after a crowd of them",
            "Ten thousand at a time; what is left may be a table of theirs, of no more than 16 bytes each. Three times.";
        "flat-line", a_line_is_not_kept::<T>, "Scopes in a line, of which only the last has a handle, take no memory",
            "Ten thousand, each the child of the one before, which is dropped then.";
        "deep", a_deep_tree_is_cancelled::<T>, "A deep tree is cancelled without recursion",
            "A line of 50 000 scopes, on a thread with a stack of 256 KiB.";
        "deep-drop", a_deep_tree_is_dropped::<T>, "... and dropped",
            "The same, from the first to the last, from the last to the first, and when only the last has a handle.";
        "wake-unlocked", wake_without_lock::<T>, "No internal lock is held while a waker runs",
            "`wake` waits for up to 500 ms for another thread that asks whether it is cancelled and makes a child.";
        "s66", || scenario!(any_token::s66_down_and_not_up::<T, _>), "Scenario S66: down, not up",
            "Tasks that wait at three levels.";
        "s69", || scenario!(any_token::s69_many_wait::<T, _>), "Scenario S69: many wait",
            "All are woken.";
        "forest", || scenario!(any_token::a_forest_falls::<T, _>), "Scenario: children come and go while the root is cancelled",
            "Six tasks grow trees; none is left out.";
    };
    all.extend(news::of_all_news::<Cancelled<T>>());
    all.extend(news::of_those_who_may_leave::<Cancelled<T>>());
    all.extend(news::of_those_who_keep_it::<Cancelled<T>>());
    all
}

/// The news that it is cancelled.
struct Cancelled<T>(T);

impl<T: AsyncToken> News for Cancelled<T> {
    fn new(_: usize) -> Self {
        Cancelled(T::new())
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.0.cancelled()
    }

    fn happen(&self) {
        self.0.cancel();
    }
}

fn down<T: AsyncToken>() -> Verdict {
    let root = T::new();
    let (middle, sibling) = (root.child(), root.child());
    let below: Vec<_> = (0..3).map(|_| middle.child()).collect();
    let last: Vec<_> = below.iter().map(T::child).collect();
    middle.cancel();
    let all = below.iter().chain(&last).all(T::is_cancelled);
    check!(all && middle.is_cancelled(), "one below is not cancelled");
    check!(
        !root.is_cancelled() && !sibling.is_cancelled(),
        "one above or beside is cancelled"
    );
    root.cancel();
    check!(sibling.is_cancelled(), "the sibling is not cancelled");
    Verdict::kept()
}

fn before_the_first_waker<T: AsyncToken>() -> Verdict {
    for waits_above in [true, false] {
        let root = T::new();
        let child = root.child();
        let others: Vec<_> = (0..3).map(|_| child.child()).collect();
        let waits = if waits_above {
            root.clone()
        } else {
            others[1].clone()
        };
        let looked = Arc::new(AtomicUsize::new(0));
        let script = Script::on_wake({
            let looked = Arc::clone(&looked);
            let all: Vec<T> = others.iter().chain([&root, &child]).cloned().collect();
            Box::new(move || {
                let cancelled = all.iter().filter(|it| it.is_cancelled()).count();
                looked.store(cancelled, Ordering::SeqCst);
            })
        });
        let mut cx = Context::from_waker(script.waker());
        let mut wait = Box::pin(waits.cancelled());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        root.cancel();
        let looked = looked.load(Ordering::SeqCst);
        check!(looked == 5, "{looked} of 5 are cancelled by then");
    }
    Verdict::kept()
}

fn born_cancelled<T: AsyncToken>() -> Verdict {
    let root = T::new();
    root.cancel();
    let child = root.child();
    check!(child.is_cancelled(), "it is not");
    check!(now(child.cancelled()).is_some(), "its wait does not end");
    Verdict::kept()
}

fn an_orphan_is_reached<T: AsyncToken>() -> Verdict {
    let root = T::new();
    let grandchild = {
        let child = root.child();
        child.child()
    };
    let mut wait = queued(grandchild.cancelled());
    root.cancel();
    check!(grandchild.is_cancelled(), "it is not");
    check!(wait.served().is_some(), "its wait does not end");
    Verdict::kept()
}

fn again<T: AsyncToken>() -> Verdict {
    let root = T::new();
    let (first, second) = (root.child(), root.child());
    first.cancel();
    first.cancel();
    root.cancel();
    root.cancel();
    second.cancel();
    let all = [&root, &first, &second].into_iter().all(T::is_cancelled);
    check!(all, "one is not cancelled");
    Verdict::kept()
}

const CROWD: isize = 10_000;

fn finished_children_are_not_kept<T: AsyncToken>() -> Verdict {
    let root = T::new();
    let left = left(|| {
        for _ in 0..CROWD {
            let child = root.child();
            drop(queued(child.cancelled()));
        }
    });
    check!(left < 2048, "{left} bytes are left of 10 000 children");
    Verdict::Kept(format!("{left} bytes"))
}

fn a_crowd_is_not_kept<T: AsyncToken>() -> Verdict {
    let root = T::new();
    let left = left(|| {
        for _ in 0..3 {
            let crowd: Vec<_> = (0..CROWD).map(|_| root.child()).collect();
            drop(crowd);
        }
    });
    check!(
        left < 16 * CROWD + 2048,
        "{left} bytes are left of three times 10 000 children"
    );
    Verdict::Kept(format!("{left} bytes"))
}

fn a_line_is_not_kept<T: AsyncToken>() -> Verdict {
    let mut last = T::new();
    let left = left(|| {
        for _ in 0..CROWD {
            last = last.child();
        }
    });
    check!(left < 2048, "{left} bytes for 10 000 scopes in a line");
    Verdict::Kept(format!("{left} bytes"))
}

/// On a thread with little room.
fn on_a_small_stack(work: impl FnOnce() -> Verdict + Send + 'static) -> Verdict {
    std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(work)
        .expect("a thread starts")
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn line<T: AsyncToken>() -> Vec<T> {
    let mut line = vec![T::new()];
    for n in 0..50_000 {
        line.push(line[n].child());
    }
    line
}

fn a_deep_tree_is_cancelled<T: AsyncToken>() -> Verdict {
    on_a_small_stack(|| {
        let line = line::<T>();
        line[0].cancel();
        let alive = line.iter().filter(|it| !it.is_cancelled()).count();
        check!(alive == 0, "{alive} are not cancelled");
        Verdict::kept()
    })
}

fn a_deep_tree_is_dropped<T: AsyncToken>() -> Verdict {
    on_a_small_stack(|| {
        let mut line_down = line::<T>();
        while let Some(last) = line_down.pop() {
            drop(last);
        }
        drop(line::<T>()); // the first one first
        let last = line::<T>().pop();
        check!(
            last.is_some_and(|last| !last.is_cancelled()),
            "dropping handles cancels"
        );
        Verdict::kept()
    })
}

fn wake_without_lock<T: AsyncToken>() -> Verdict {
    let root = T::new();
    let child = root.child();
    let (told, tells) = mpsc::channel();
    let script = Script::on_wake({
        let (root, child) = (root.clone(), child.clone());
        Box::new(move || {
            let (root, child) = (root.clone(), child.clone());
            let _ = told.send(meanwhile(move || {
                for token in [root, child] {
                    let _ = (token.is_cancelled(), token.child().is_cancelled());
                    token.cancel();
                }
            }));
        })
    });
    let mut cx = Context::from_waker(script.waker());
    let mut wait = Box::pin(child.cancelled());
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    root.cancel();
    check!(
        tells.try_recv() == Ok(true),
        "another thread could not use it for as long as the waker ran"
    );
    Verdict::kept()
}
