//! What is measured of cells that are set once.

use super::news::{self, News, Running, Shares};
use super::tools::{Looks, Polled, now, panics, queued};
use super::{Measurement, Verdict, check, list, scenario};
use crate::peers::{AsyncOnceCell, Init, WaitingOnceCell, Work};
use crate::scenarios::any_once;

/// Of every cell.
pub(super) fn every<C: AsyncOnceCell>() -> Vec<Measurement> {
    let mut all = list! {
        "cancel-running", a_cancelled_initialiser::<C>, "An initialiser that is cancelled leaves it to the next caller",
            "The first of three callers is dropped while its initialiser waits; the second must run its own, and both get its value.";
        "fail", a_failing_initialiser::<C>, "... also one that fails",
            "The first's initialiser fails: it gets its error, the second runs its own, and both others get its value.";
        "panic", a_panicking_initialiser::<C>, "... also one that panics",
            "The same.";
        "cancel-woken", a_cancelled_successor::<C>, "A caller that is dropped when it is its turn passes the turn on",
            "The first of four callers is dropped, then the second and the third, each after it was woken and before it was polled.";
        "cancel-order", in_order::<C>, "The turn goes to those who wait in the order in which they came",
            "Eight callers, whose initialisers fail; those that are woken are polled, the last one first.";
        "never-polled", never_polled::<C>, "A call that was never polled has no effect",
            "One is made and kept; another initialises the cell.";
        "futurelock-tasks", a_parked_successor::<C>, "No futurelock behind a caller whose turn it is, as long as others come",
            "The first caller is dropped, the second is woken and not polled. After 3 ms a newcomer looks at the cell every 0.1 ms; the third must be served within 500 looks.";
        "s48", || scenario!(any_once::s48_one_of_ten::<C, _>), "Scenario S48: ten callers, one initialiser",
            "All get its value.";
        "s49", || scenario!(any_once::s49_the_second_caller_waits::<C, _>), "Scenario S49: the second caller waits",
            "Until the first's initialiser is done.";
        "s52", || scenario!(any_once::s52_two_failures::<C, _>), "Scenario S52: two failures, then a value",
            "Three runs; each error goes to its own caller.";
        "abort", || scenario!(any_once::abort_and_panic::<C, _>), "An aborted task and one that panics hand it over",
            "One after the other, on a runtime.";
    };
    all.extend(news::of_all_news::<Running<Callers<C>>>());
    all.extend(news::of_those_who_may_leave::<Running<Callers<C>>>());
    all
}

/// Of those that one can wait for without an initialiser.
pub(super) fn waiting<C: WaitingOnceCell>() -> Vec<Measurement> {
    let mut all = list! {
        "watchers", || scenario!(any_once::waiting_for_somebody_else::<C, _>), "Who waits without an initialiser sees the value, and nothing but",
            "Three wait while one initialiser fails, one is aborted and one succeeds.";
        "watcher-cancel", a_cancelled_watcher::<C>, "... and leaves nothing behind",
            "One of two is dropped before the cell is set; its waker is not kept, nor woken.";
    };
    all.extend(news::of_those_who_keep_it::<Watched<C>>());
    all
}

/// The cell as something whose callers share a work.
struct Callers<C>(C);

impl<C: AsyncOnceCell> Shares for Callers<C> {
    fn new() -> Self {
        Callers(C::new())
    }

    async fn share(&self, work: impl FnOnce() -> Work + Send + 'static) -> u64 {
        let make = || -> Init { Box::pin(async { Ok(work().await) }) };
        self.0.get_or_try_init(make).await.expect("no work fails")
    }
}

/// The news that the cell is set.
struct Watched<C>(C);

impl<C: WaitingOnceCell> News for Watched<C> {
    fn new(_: usize) -> Self {
        Watched(C::new())
    }

    async fn wait(&self) {
        self.0.wait().await;
    }

    fn happen(&self) {
        assert_eq!(now(self.0.get_or_try_init(|| ok(1))), Some(Ok(1)));
    }
}

fn ok(value: u64) -> Init {
    Box::pin(async move { Ok(value) })
}

fn fails(error: u64) -> Init {
    Box::pin(async move { Err(error) })
}

fn waits() -> Init {
    Box::pin(std::future::pending())
}

fn a_cancelled_initialiser<C: AsyncOnceCell>() -> Verdict {
    let cell = C::new();
    let first = queued(cell.get_or_try_init(waits));
    let mut second = queued(cell.get_or_try_init(|| ok(2)));
    let mut third = queued(cell.get_or_try_init(|| ok(3)));
    drop(first);
    check!(cell.get().is_none(), "it is set");
    check!(
        second.served() == Some(Ok(2)),
        "the second does not run its own"
    );
    check!(third.served() == Some(Ok(2)), "the third is not told");
    Verdict::kept()
}

/// An initialiser that is polled twice, and then does this.
fn then(deed: impl FnOnce() -> Result<u64, u64> + Send + 'static) -> Init {
    Box::pin(async move {
        let mut waited = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        deed()
    })
}

fn a_failing_initialiser<C: AsyncOnceCell>() -> Verdict {
    let cell = C::new();
    let mut first = queued(cell.get_or_try_init(|| then(|| Err(1))));
    let mut second = queued(cell.get_or_try_init(|| ok(2)));
    let mut third = queued(cell.get_or_try_init(|| ok(3)));
    check!(first.poll() == Some(Err(1)), "the first misses its error");
    check!(
        second.served() == Some(Ok(2)),
        "the second does not run its own"
    );
    check!(third.served() == Some(Ok(2)), "the third is not told");
    Verdict::kept()
}

fn a_panicking_initialiser<C: AsyncOnceCell>() -> Verdict {
    let cell = C::new();
    let mut first = queued(cell.get_or_try_init(|| then(|| panic!("initialiser"))));
    let mut second = queued(cell.get_or_try_init(|| ok(2)));
    let mut third = queued(cell.get_or_try_init(|| ok(3)));
    check!(panics(|| _ = first.poll()), "the panic is swallowed");
    // A task that panics drops its future.
    drop(first);
    check!(
        second.served() == Some(Ok(2)),
        "the second does not run its own"
    );
    check!(third.served() == Some(Ok(2)), "the third is not told");
    Verdict::kept()
}

fn a_cancelled_successor<C: AsyncOnceCell>() -> Verdict {
    let cell = C::new();
    let first = queued(cell.get_or_try_init(waits));
    let second = queued(cell.get_or_try_init(|| ok(2)));
    let third = queued(cell.get_or_try_init(|| ok(3)));
    let mut fourth = queued(cell.get_or_try_init(|| ok(4)));
    drop(first);
    drop(second);
    drop(third);
    check!(fourth.served() == Some(Ok(4)), "the last is never served");
    Verdict::kept()
}

fn in_order<C: AsyncOnceCell>() -> Verdict {
    const CALLERS: usize = 8;
    let cell = C::new();
    let first = queued(cell.get_or_try_init(waits));
    let mut callers: Vec<_> = (0..CALLERS)
        .map(|n| queued(cell.get_or_try_init(move || fails(n as u64))))
        .collect();
    drop(first);
    let mut order = Vec::new();
    for _ in 0..CALLERS {
        for n in (0..CALLERS).rev() {
            if callers[n].task.woken() > 0 && callers[n].poll().is_some() {
                order.push(n);
                break;
            }
        }
    }
    check!(
        order == (0..CALLERS).collect::<Vec<_>>(),
        "8 callers had their turns in the order {order:?}"
    );
    Verdict::kept()
}

fn never_polled<C: AsyncOnceCell>() -> Verdict {
    let cell = C::new();
    let idle = cell.get_or_try_init(|| ok(1));
    let set = now(cell.get_or_try_init(|| ok(2)));
    check!(set == Some(Ok(2)), "it has taken the turn");
    drop(idle);
    Verdict::kept()
}

fn a_parked_successor<C: AsyncOnceCell>() -> Verdict {
    let cell = C::new();
    let first = queued(cell.get_or_try_init(waits));
    let _parked = queued(cell.get_or_try_init(|| ok(2)));
    let mut third = queued(cell.get_or_try_init(|| ok(3)));
    drop(first);
    std::thread::sleep(std::time::Duration::from_millis(3));
    let mut looks = Looks::new();
    loop {
        let _ = now(cell.get_or_try_init(|| fails(4)));
        if third.task.woken() > 0 && third.poll().is_some() {
            return Verdict::kept();
        }
        check!(
            looks.again(),
            "the next in line never gets its turn, though others look at it all the time"
        );
    }
}

fn a_cancelled_watcher<C: WaitingOnceCell>() -> Verdict {
    let cell = C::new();
    let Polled { task, future } = queued(cell.wait());
    let mut other = queued(cell.wait());
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    assert_eq!(now(cell.get_or_try_init(|| ok(1))), Some(Ok(1)));
    check!(task.woken() == 0, "it is woken");
    check!(other.served() == Some(1), "another is never served");
    Verdict::kept()
}
