//! SingleFlight with a task of its own: who is told what, and when the task ends.

mod support;

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_sync::SingleFlight;
use async_sync::single_flight::{Failure, JoinedOwned};
use runtime::{Spawn, TaskHandle};
use support::{Polled, Task, queued};

type Group = SingleFlight<u8, u32, String>;

/// A runtime whose tasks the test polls.
#[derive(Clone, Default)]
struct Manual(Arc<Mutex<Vec<Polled<dyn Future<Output = ()> + Send>>>>);

impl Spawn for Manual {
    type Handle<T: Send + 'static> = TaskHandle<T>;

    fn spawn<F>(&self, future: F) -> TaskHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = runtime::task(future);
        self.0.lock().unwrap().push(Polled {
            task: Task::new(),
            future: Box::pin(task),
        });
        handle
    }
}

impl Manual {
    /// Polls all tasks once; those that are over are gone.
    fn poll(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.retain_mut(|task| task.task.clone().poll(task.future.as_mut()).is_pending());
        self.0.lock().unwrap().append(&mut tasks);
    }

    fn tasks(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Says when it is dropped.
struct Tell(Arc<AtomicUsize>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn never_ends(
    dropped: &Arc<AtomicUsize>,
) -> impl Future<Output = Result<u32, String>> + Send + use<> {
    let tell = Tell(Arc::clone(dropped));
    async move {
        let _tell = tell;
        pending().await
    }
}

#[test]
fn the_task_does_the_work_and_each_caller_is_woken_once() {
    let (group, rt) = (Arc::new(Group::new()), Manual::default());
    let work = || async {
        for _ in 0..5 {
            support::yield_now().await;
        }
        Ok(7)
    };
    let mut callers: Vec<_> = (0..20).map(|_| queued(group.spawn(&rt, 1, work))).collect();
    let mut joined = queued(group.run(&1, || async { panic!("joins") }));
    assert_eq!((rt.tasks(), group.callers(&1)), (1, 21));
    for _ in 0..5 {
        rt.poll();
        joined.pending();
        assert!(callers.iter().all(|caller| !caller.woken()));
    }
    rt.poll();
    assert_eq!((rt.tasks(), group.len()), (0, 0));
    assert!(joined.woken());
    assert!(joined.ready().unwrap().shared);
    for caller in &mut callers {
        assert_eq!(caller.task.woken(), 1);
        assert_eq!(caller.ready().unwrap().value, 7);
    }
}

#[test]
fn the_last_caller_aborts_the_task() {
    let (group, rt) = (Arc::new(Group::new()), Manual::default());
    let dropped = Arc::new(AtomicUsize::new(0));
    let work = never_ends(&dropped);
    let first = queued(group.spawn(&rt, 1, || work));
    let second = queued(group.run(&1, || ready(Ok(1))));
    rt.poll();
    drop(first);
    assert!(group.in_flight(&1));
    drop(second);
    assert!(!group.in_flight(&1) && group.is_empty());
    // Another one begins before the old task has been polled again.
    let mut next = queued(group.spawn(&rt, 1, || ready(Ok(2))));
    rt.poll();
    assert_eq!((dropped.load(SeqCst), rt.tasks()), (1, 0));
    assert_eq!(next.ready().unwrap().value, 2);
    assert!(group.is_empty());
}

#[test]
fn a_task_may_be_kept_going() {
    let (group, rt) = (Arc::new(Group::new()), Manual::default());
    let work = || async {
        support::yield_now().await;
        Ok(3)
    };
    let caller = queued(group.spawn(&rt, 1, work));
    assert!(caller.future.keep_going());
    drop(caller);
    assert_eq!(
        (group.in_flight(&1), group.callers(&1), group.len()),
        (true, 0, 1)
    );
    rt.poll();
    let mut late = queued(group.run(&1, || ready(Ok(9))));
    rt.poll();
    let outcome = late.ready().unwrap();
    assert_eq!((outcome.value, outcome.shared), (3, false));
    assert!(group.is_empty());
    // Nobody is there at the end.
    drop(queued(group.spawn(&rt, 1, work)));
    let caller = group.spawn(&rt, 1, work);
    assert!(caller.keep_going());
    drop(caller);
    for _ in 0..3 {
        rt.poll();
    }
    assert_eq!((rt.tasks(), group.len()), (0, 0));
    // A work that its callers poll cannot go on without them.
    let caller = group.start(&1, pending);
    assert!(!caller.keep_going());
    drop(caller);
    assert!(group.is_empty());
}

#[test]
fn a_value_that_nobody_wants_is_dropped() {
    let group = Arc::new(SingleFlight::<u8, Arc<()>, ()>::new());
    let (rt, value) = (Manual::default(), Arc::new(()));
    let theirs = Arc::clone(&value);
    let caller = group.spawn(&rt, 1, || ready(Ok(theirs)));
    assert!(caller.keep_going());
    drop(caller);
    rt.poll();
    assert_eq!((Arc::strong_count(&value), rt.tasks()), (1, 0));
    // The same when the last caller left and the task ends before it is aborted.
    let (theirs, slot) = (Arc::clone(&value), Arc::new(Mutex::new(None)));
    let inside = Arc::clone(&slot);
    let work = move || async move {
        drop(inside.lock().unwrap().take()); // the only caller
        Ok(theirs)
    };
    *slot.lock().unwrap() = Some(group.spawn(&rt, 1, work));
    rt.poll();
    assert_eq!(
        (Arc::strong_count(&value), rt.tasks(), group.len()),
        (1, 0, 0)
    );
}

#[test]
fn an_aborted_task_is_an_error_for_all() {
    let (group, rt) = (Arc::new(Group::new()), Manual::default());
    let dropped = Arc::new(AtomicUsize::new(0));
    for polled in [true, false] {
        let work = never_ends(&dropped);
        let first = group.spawn(&rt, 1, || work);
        let mut caught = queued(group.subscribe(&1).unwrap().caught());
        let mut panics = queued(first);
        if polled {
            rt.poll();
        }
        let tasks = std::mem::take(&mut *rt.0.lock().unwrap());
        drop(tasks); // the runtime shuts down
        assert!(caught.woken() && group.is_empty());
        assert!(matches!(caught.ready(), Err(Failure::Aborted)));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics.ready()));
        let text = panicked.unwrap_err();
        assert!(text.downcast_ref::<&str>().unwrap().contains("aborted"));
    }
    assert_eq!(dropped.load(SeqCst), 2);
}

#[test]
fn a_runtime_that_cannot_spawn_tells_those_who_joined() {
    type Slot = Arc<Mutex<Option<Polled<JoinedOwned<u8, u32, String>>>>>;
    #[derive(Clone)]
    struct Gone(Arc<Group>, Slot);
    impl Spawn for Gone {
        type Handle<T: Send + 'static> = TaskHandle<T>;
        fn spawn<F>(&self, _future: F) -> TaskHandle<F::Output>
        where
            F: Future + Send + 'static,
            F::Output: Send + 'static,
        {
            *self.1.lock().unwrap() = Some(queued(self.0.subscribe_owned(&1).unwrap()));
            panic!("no runtime")
        }
    }
    let group = Arc::new(Group::new());
    let rt = Gone(Arc::clone(&group), Arc::default());
    let spawned = std::panic::AssertUnwindSafe(|| drop(group.spawn(&rt, 1, || ready(Ok(1)))));
    assert!(std::panic::catch_unwind(spawned).is_err());
    let mut joined = rt.1.lock().unwrap().take().unwrap();
    assert!(joined.woken() && group.is_empty());
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(joined.poll())));
    assert!(told.is_err());
}

#[test]
fn a_panic_of_the_task_reaches_every_caller_and_not_the_runtime() {
    let (group, rt) = (Arc::new(Group::new()), Manual::default());
    let first = group.spawn(&rt, 1, || async { panic!("no luck") });
    let mut second = queued(group.subscribe(&1).unwrap().caught());
    rt.poll();
    let Err(Failure::Panicked(panicked)) = second.ready() else {
        panic!("an error")
    };
    assert_eq!(panicked.message(), "no luck");
    let Poll::Ready(Err(Failure::Panicked(_))) = Polled::new(first.caught()).poll() else {
        panic!("an error")
    };
    assert_eq!((rt.tasks(), group.len()), (0, 0));
}

#[test]
fn a_task_cannot_wait_for_its_own_key() {
    let (group, rt) = (Arc::new(Group::new()), Manual::default());
    let inside = Arc::clone(&group);
    let work = move || async move { Ok(inside.run(&1, || ready(Ok(1))).await?.value) };
    let mut caller = queued(group.spawn(&rt, 1, work).caught());
    rt.poll();
    let Err(Failure::Panicked(panicked)) = caller.ready() else {
        panic!("an error")
    };
    assert!(panicked.message().contains("its own key"));
    assert!(group.is_empty());
}

#[test]
fn on_a_real_runtime() {
    const CALLERS: usize = if cfg!(miri) { 10 } else { 1000 };
    let rt = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    rt.block_on(async {
        let (group, tasks) = (Arc::new(Group::new()), runtime::TokioRuntime::current());
        let begun = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let begun = Arc::clone(&begun);
                let work = move || async move {
                    begun.fetch_add(1, SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Ok(1)
                };
                tokio::spawn(group.spawn(&tasks, 1, work))
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap().value, 1);
        }
        assert!(group.is_empty());
        // Leaving aborts: the work is dropped soon.
        let dropped = Arc::new(AtomicUsize::new(0));
        let work = never_ends(&dropped);
        drop(group.spawn(&tasks, 2, || work));
        while dropped.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(group.is_empty());
    });
}
