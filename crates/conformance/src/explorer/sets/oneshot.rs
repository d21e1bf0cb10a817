//! A channel for one item under every order of steps.
//!
//! Either handle lies in the object, unless a future has it: that one puts it back when it ends, also when it
//! is dropped.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use async_sync::Event;
use async_sync::oneshot::{self, Receiver, RecvError, Sender};
use futures::future::{Either, select};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// What a future does. The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Receives.
    Recv,
    /// Waits until nobody receives any more.
    Closed,
}

const KINDS: [Does; 2] = [Does::Recv, Does::Closed];

/// The item: how many there are shows whether it was dropped.
type Item = Rc<()>;

/// What a future returns.
#[derive(Debug)]
pub enum Out {
    /// Its handle was gone, or another one has it.
    Nothing,
    /// The item, or the end.
    Received(Result<Item, RecvError>),
    /// Nobody receives any more.
    Closed,
    /// It was told to stop, and has dropped the sender.
    Stopped,
}

/// A channel, its item, and its handles, as long as nobody has them.
#[derive(Debug)]
pub struct Ends {
    item: Item,
    sender: RefCell<Option<Sender<Item>>>,
    receiver: RefCell<Option<Receiver<Item>>>,
    /// At the end: who has the sender drops it.
    stop: Event,
}

/// Takes the handle out for as long as `f` runs.
async fn lent<H, R>(place: &RefCell<Option<H>>, f: impl AsyncFnOnce(&mut H) -> R) -> Option<R> {
    struct Back<'a, H>(&'a RefCell<Option<H>>, Option<H>);
    impl<H> Drop for Back<'_, H> {
        fn drop(&mut self) {
            *self.0.borrow_mut() = self.1.take();
        }
    }
    let handle = place.borrow_mut().take()?;
    let mut back = Back(place, Some(handle));
    Some(f(back.1.as_mut()?).await)
}

/// What is known of a channel.
#[derive(Clone, Debug, Default)]
pub struct Known {
    sent: bool,
    /// The sender has sent, or was dropped.
    decided: bool,
    /// The receiver was closed or dropped.
    unwanted: bool,
    received: bool,
    refused: bool,
}

/// Futures at both ends.
#[derive(Debug)]
pub struct OneshotSet {
    plan: Plan<Self>,
}

impl OneshotSet {
    /// Each future is a task and what it does. The rest of the steps: the item is sent, either end is
    /// dropped, the receiver closes the channel, or looks.
    pub fn new(actors: impl IntoIterator<Item = (usize, Does)>) -> Self {
        let actors = actors.into_iter().map(|(task, does)| (task, does as usize));
        OneshotSet {
            plan: Plan::new(
                Actor::of_kinds(actors),
                vec![
                    Operation::new("send", 1, send),
                    Operation::new("unsent", 1, |world| {
                        if let Some(sender) = world.object().sender.take() {
                            drop(sender);
                            world.model.decided = true;
                        }
                        Ok(())
                    }),
                    Operation::new("abandon", 1, |world| {
                        if let Some(receiver) = world.object().receiver.take() {
                            drop(receiver);
                            world.model.unwanted = true;
                        }
                        Ok(())
                    }),
                    Operation::new("close", 1, |world| {
                        if let Some(receiver) = world.object().receiver.borrow_mut().as_mut() {
                            receiver.close();
                            world.model.unwanted = true;
                        }
                        Ok(())
                    }),
                    Operation::new("look", 1, look),
                ],
            ),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    fn does(&self, actor: usize) -> Does {
        KINDS[self.plan.actors[actor].kind]
    }
}

fn send(world: &mut World<'_, OneshotSet>) -> Result<(), String> {
    let Some(sender) = world.object().sender.take() else {
        return Ok(());
    };
    let item = Rc::clone(&world.object().item);
    let known = &mut world.model;
    let closed = sender.is_closed();
    if closed != known.unwanted {
        return Err(format!("is_closed() says {closed}"));
    }
    known.decided = true;
    match sender.send(item) {
        Ok(()) if known.unwanted => Err("nobody wants it, and it is sent".into()),
        Ok(()) => {
            known.sent = true;
            Ok(())
        }
        Err(_) if known.unwanted => {
            known.refused = true;
            Ok(())
        }
        Err(_) => Err("somebody wants it, and it comes back".into()),
    }
}

fn look(world: &mut World<'_, OneshotSet>) -> Result<(), String> {
    let object = world.object();
    let mut receiver = object.receiver.borrow_mut();
    let Some(receiver) = receiver.as_mut() else {
        return Ok(());
    };
    let ready = receiver.is_ready();
    let result = match receiver.try_recv() {
        Err(oneshot::TryRecvError::Empty) if ready => return Err("ready, and empty".into()),
        Err(oneshot::TryRecvError::Empty) => return Ok(()),
        Err(oneshot::TryRecvError::Closed) => Err(RecvError),
        Ok(item) => Ok(item),
    };
    if !ready {
        return Err("not ready, and there is something".into());
    }
    received(&mut world.model, &result)
}

fn received(known: &mut Known, result: &Result<Item, RecvError>) -> Result<(), String> {
    let there = known.sent && !known.received;
    match result {
        Ok(_) if there => {
            known.received = true;
            Ok(())
        }
        Err(_) if !there && (known.decided || known.unwanted) => Ok(()),
        result => Err(format!("it receives {result:?}")),
    }
}

impl Scenario for OneshotSet {
    type Object = Ends;
    type Model = Known;
    type Output<'a> = Out;
    type Held<'a> = ();

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Ends {
        let (sender, receiver) = oneshot::channel();
        Ends {
            item: Rc::new(()),
            sender: RefCell::new(Some(sender)),
            receiver: RefCell::new(Some(receiver)),
            stop: Event::new(),
        }
    }

    fn model(&self) -> Known {
        Known::default()
    }

    fn future<'a>(&'a self, object: &'a Ends, actor: usize) -> Boxed<'a, Out> {
        match self.does(actor) {
            Does::Recv => Box::pin(async {
                let received = lent(&object.receiver, async |receiver| receiver.recv().await).await;
                received.map_or(Out::Nothing, Out::Received)
            }),
            Does::Closed => Box::pin(async {
                let ended = lent(&object.sender, async |sender| {
                    let stop = pin!(object.stop.wait());
                    matches!(select(pin!(sender.closed()), stop).await, Either::Left(_))
                });
                match ended.await {
                    None => Out::Nothing,
                    Some(true) => Out::Closed,
                    Some(false) => {
                        drop(object.sender.take());
                        Out::Stopped
                    }
                }
            }),
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Out,
    ) -> Result<Option<()>, String> {
        match output {
            Out::Received(result) => received(&mut world.model, &result)?,
            Out::Closed if !world.model.unwanted => {
                return Err(format!("future {actor} is told of an end"));
            }
            Out::Stopped => world.model.decided = true,
            Out::Closed | Out::Nothing => {}
        }
        Ok(None)
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let known = &world.model;
        for actor in world.pending().filter(|i| world.woken(*i).is_none()) {
            let due = match self.does(actor) {
                Does::Recv => known.decided || known.unwanted,
                Does::Closed => known.unwanted,
            };
            if due {
                return Err(format!("future {actor} was not woken"));
            }
        }
        // One in the object, one in the channel.
        let lies = known.sent && !known.received && !self.is_gone(world);
        match Rc::strong_count(&world.object().item) {
            n if n == 1 + usize::from(lies) => Ok(()),
            n => Err(format!("there are {n} of the item")),
        }
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        world.object().stop.set();
        if let Some(sender) = world.object().sender.take() {
            drop(sender);
            world.model.decided = true;
        }
    }

    /// The receiver may be parked, and the sender with a future that waits for its end.
    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        if let Some(receiver) = world.object().receiver.take() {
            drop(receiver);
            world.model.unwanted = true;
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        drop((object.sender.take(), object.receiver.take()));
        match Rc::strong_count(&object.item) {
            1 => Ok(()),
            n => Err(format!("there are {n} of the item when all is over")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        format!("{:?}; {:?}", world.object(), world.model)
    }
}

impl OneshotSet {
    /// Whether the receiver was dropped, with what it had.
    fn is_gone(&self, world: &World<'_, Self>) -> bool {
        let lent = world.pending().any(|i| self.does(i) == Does::Recv);
        world.object().receiver.borrow().is_none() && !lent
    }
}
