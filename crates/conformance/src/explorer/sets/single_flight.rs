//! Single flight: whoever is polled gets through, whatever becomes of the others.
//!
//! The works are told from outside when to end. A future that is parked may be the one that began the
//! execution, or polled it last: the others have to get through without it, and without any later
//! operation.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use async_sync::SingleFlight;

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

const KEY: u8 = 1;

/// A group, and the works that its executions have begun.
#[derive(Debug)]
pub struct Flights {
    group: SingleFlight<u8, usize, ()>,
    works: Rc<RefCell<Vec<Arc<Mutex<Work>>>>>,
}

/// What is known of a work, and what it is told.
#[derive(Debug, Default)]
struct Work {
    begun: bool,
    open: bool,
    /// Woken, and not polled since.
    wants: bool,
    dropped: bool,
    waker: Option<Waker>,
}

/// The work itself.
struct Waits(Arc<Mutex<Work>>, usize);

fn lock(work: &Mutex<Work>) -> std::sync::MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(work: &Mutex<Work>, open: bool) {
    let waker = {
        let mut work = lock(work);
        work.open |= open;
        work.wants = true;
        work.waker.clone()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Future for Waits {
    type Output = Result<usize, ()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut work = lock(&self.0);
        (work.begun, work.wants) = (true, false);
        if work.open {
            return Poll::Ready(Ok(self.1));
        }
        work.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        lock(&self.0).dropped = true;
    }
}

/// Callers of one key.
#[derive(Debug)]
pub struct FlightSet {
    plan: Plan<Self>,
}

impl FlightSet {
    /// These callers; so many times the work ends, is woken for nothing, and is forgotten.
    #[must_use]
    pub fn new(
        actors: Vec<Actor>,
        bounds: Bounds,
        ends: usize,
        wakes: usize,
        forgets: usize,
    ) -> Self {
        let end = Operation::<Self>::new("end", ends, |world| {
            let works = world.object().works.borrow().clone();
            if let Some(work) = works.iter().find(|work| live(work)) {
                wake(work, true);
            }
            Ok(())
        });
        let wake_up = Operation::<Self>::new("wake", wakes, |world| {
            let works = world.object().works.borrow().clone();
            if let Some(work) = works.iter().rev().find(|work| live(work)) {
                wake(work, false);
            }
            Ok(())
        });
        let forget = Operation::<Self>::new("forget", forgets, |world| {
            world.object().group.forget(&KEY);
            Ok(())
        });
        FlightSet {
            plan: Plan {
                bounds,
                ..Plan::new(actors, vec![end, wake_up, forget])
            },
        }
    }
}

fn live(work: &Arc<Mutex<Work>>) -> bool {
    let work = lock(work);
    work.begun && !work.open && !work.dropped
}

impl Scenario for FlightSet {
    type Object = Flights;
    type Model = ();
    type Output<'a> = Result<usize, ()>;
    type Held<'a> = ();

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Flights {
        Flights {
            group: SingleFlight::new(),
            works: Rc::default(),
        }
    }

    fn model(&self) {}

    fn future<'a>(&'a self, object: &'a Flights, _: usize) -> Boxed<'a, Result<usize, ()>> {
        Box::pin(async move {
            let work = Arc::new(Mutex::new(Work::default()));
            let number = {
                let mut works = object.works.borrow_mut();
                works.push(Arc::clone(&work));
                works.len() - 1
            };
            let run = object.group.run(&KEY, move || Waits(work, number));
            run.await.map(|outcome| outcome.value)
        })
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Result<usize, ()>,
    ) -> Result<Option<()>, String> {
        let works = world.object().works.borrow();
        match output.ok().and_then(|number| works.get(number)) {
            Some(work) if lock(work).open && lock(work).dropped => Ok(None),
            _ => Err(format!("caller {actor} got what no work has returned")),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let works = object.works.borrow();
        let running = works.iter().filter(|work| {
            let work = lock(work);
            work.begun && !work.dropped
        });
        let running = running.count();
        let waiting: Vec<_> = world.pending().collect();
        if waiting.is_empty() && (running != 0 || !object.group.is_empty()) {
            return Err(format!("nobody waits, and {running} works go on"));
        }
        if running > waiting.len() {
            return Err(format!("{running} works for {} callers", waiting.len()));
        }
        // A single work that wants a poll: every caller has to know, as any may be the only one that
        // is ever polled again.
        let wanting = works.iter().filter(|work| {
            let work = lock(work);
            work.begun && work.wants && !work.dropped
        });
        if running == 1 && wanting.count() == 1 {
            for i in waiting {
                if world.woken(i).is_none() {
                    return Err(format!("the work was woken, and caller {i} does not know"));
                }
            }
        }
        Ok(())
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        // All works end, and those that have not begun will at once.
        let works = world.object().works.borrow().clone();
        for work in works {
            wake(&work, true);
        }
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let works = object.works.borrow();
        let left = works
            .iter()
            .filter(|work| !lock(work).dropped && lock(work).begun);
        match (object.group.len(), left.count()) {
            (0, 0) => Ok(()),
            left => Err(format!("left in the end: {left:?} (entries, works)")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let group = &world.object().group;
        format!(
            "callers {}, waiters {}",
            group.callers(&KEY),
            group.waiters(&KEY)
        )
    }
}
