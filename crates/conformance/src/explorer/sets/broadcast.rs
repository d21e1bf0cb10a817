//! Broadcasts under every order of steps.
//!
//! There is one receiver that nobody waits with, the *witness*: it is asked by operations only. What it gets
//! is the order of the items. A future that receives begins where the witness is, gets one item, and that
//! has to be the item which the witness gets from there.

use std::cell::{Cell, RefCell};

use async_sync::broadcast::{self, Receiver, RecvError, Sender, TryRecvError};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// What a future does. The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Receives one item.
    Recv,
    /// Sends its own number, and waits for room.
    Send,
}

const KINDS: [Does; 2] = [Does::Recv, Does::Send];

/// What a future returns.
#[derive(Debug)]
pub enum Out {
    /// From so many items on, this.
    Received(u64, Result<usize, RecvError>),
    /// Whether it was sent; if not, it came back.
    Sent(Result<(), usize>),
}

/// A channel and its witness.
#[derive(Debug)]
pub struct Watched {
    sender: Sender<usize>,
    witness: RefCell<Receiver<usize>>,
    /// How many items the witness has had or missed.
    had: Cell<u64>,
    /// Where the futures that receive began.
    began: RefCell<Vec<Option<u64>>>,
    /// Somebody who is slower than all, until it leaves.
    slow: RefCell<Option<Receiver<usize>>>,
}

/// What is known of a channel.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Items whose senders know that they were sent.
    sent: Vec<usize>,
    /// Items whose senders have them back.
    refused: Vec<usize>,
    /// What the witness got; none where it missed something.
    order: Vec<Option<usize>>,
    /// What others got, and from where on.
    received: Vec<(u64, usize)>,
    closed: bool,
    /// Whether an item may have been pushed out.
    lossy: bool,
    made: usize,
}

/// Futures that send and receive.
#[derive(Debug)]
pub struct BroadcastSet {
    capacity: usize,
    plan: Plan<Self>,
}

impl BroadcastSet {
    /// So many items are kept; each future is a task and what it does.
    pub fn new(capacity: usize, actors: impl IntoIterator<Item = (usize, Does)>) -> Self {
        let actors = actors.into_iter().map(|(task, does)| (task, does as usize));
        BroadcastSet {
            capacity,
            plan: Plan::new(Actor::of_kinds(actors), Vec::new()),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    fn operation(mut self, operation: Operation<Self>) -> Self {
        self.plan.operations.push(operation);
        self
    }

    /// The witness receives, so many times.
    #[must_use]
    pub fn witness(self, times: usize) -> Self {
        self.operation(Operation::new("witness", times, witness))
    }

    /// With so many items that are sent without waiting, and push out what is too old.
    #[must_use]
    pub fn send(self, times: usize) -> Self {
        self.operation(Operation::new("send", times, |world| {
            let item = 100 + world.model.made;
            world.model.made += 1;
            world.model.lossy = true;
            match world.object().sender.send(item) {
                Ok(_) if world.model.closed => Err("closed, and it sends".into()),
                Ok(_) => {
                    world.model.sent.push(item);
                    Ok(())
                }
                Err(_) if world.model.closed => Ok(()),
                Err(_) => Err("open, and it does not send".into()),
            }
        }))
    }

    /// With so many items that are sent if there is room.
    #[must_use]
    pub fn try_send(self, times: usize) -> Self {
        self.operation(Operation::new("try_send", times, |world| {
            let item = 200 + world.model.made;
            world.model.made += 1;
            let closed = world.model.closed;
            match world.object().sender.try_send(item) {
                Ok(_) if closed => Err("closed, and it sends".into()),
                Ok(_) => {
                    world.model.sent.push(item);
                    Ok(())
                }
                Err(error) if error.is_closed() != closed => Err(format!("{error}: not so")),
                Err(_) => {
                    world.model.refused.push(item);
                    Ok(())
                }
            }
        }))
    }

    /// With a receiver that is there from the start, receives nothing, and leaves at some time.
    #[must_use]
    pub fn slow(self) -> Self {
        self.operation(Operation::new("leave", 1, |world| {
            let slow = world.object().slow.borrow_mut().take();
            drop(slow);
            Ok(())
        }))
    }

    /// With a closing.
    #[must_use]
    pub fn close(self) -> Self {
        self.operation(Operation::new("close", 1, |world| {
            world.model.closed = true;
            world.object().sender.close();
            Ok(())
        }))
    }

    fn does(&self, actor: usize) -> Does {
        KINDS[self.plan.actors[actor].kind]
    }
}

fn witness(world: &mut World<'_, BroadcastSet>) -> Result<(), String> {
    let object = world.object();
    let received = object.witness.borrow_mut().try_recv();
    let known = &mut world.model;
    match received {
        Ok(item) if known.order.contains(&Some(item)) => {
            return Err(format!("item {item} was received twice"));
        }
        Ok(item) if known.refused.contains(&item) => {
            return Err(format!("item {item} was refused, and received"));
        }
        Ok(item) => {
            known.order.push(Some(item));
            object.had.set(object.had.get() + 1);
        }
        Err(TryRecvError::Lagged(n)) if known.lossy => {
            known.order.extend((0..n).map(|_| None));
            object.had.set(object.had.get() + n);
        }
        Err(TryRecvError::Empty) if !known.closed => {}
        Err(TryRecvError::Closed) if known.closed => {}
        Err(error) => return Err(format!("the witness is told that {error}")),
    }
    Ok(())
}

impl Scenario for BroadcastSet {
    type Object = Watched;
    type Model = Known;
    type Output<'a> = Out;
    type Held<'a> = ();

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Watched {
        let (sender, witness) = broadcast::channel(self.capacity);
        let leaves = |operation: &Operation<Self>| operation.name == "leave";
        let slow = self.plan.operations.iter().any(leaves);
        Watched {
            slow: RefCell::new(slow.then(|| witness.clone())),
            sender,
            witness: RefCell::new(witness),
            had: Cell::new(0),
            began: RefCell::new(vec![None; self.plan.actors.len()]),
        }
    }

    fn model(&self) -> Known {
        Known::default()
    }

    fn future<'a>(&'a self, object: &'a Watched, actor: usize) -> Boxed<'a, Out> {
        match self.does(actor) {
            Does::Recv => {
                // Made when the step comes.
                let (mut receiver, from) = (object.witness.borrow().clone(), object.had.get());
                object.began.borrow_mut()[actor] = Some(from);
                Box::pin(async move { Out::Received(from, receiver.recv().await) })
            }
            Does::Send => Box::pin(async move {
                let sent = object.sender.send_lossless(actor).await;
                Out::Sent(sent.map_err(broadcast::SendError::into_inner))
            }),
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Out,
    ) -> Result<Option<()>, String> {
        let known = &mut world.model;
        match output {
            Out::Received(from, Ok(item)) => known.received.push((from, item)),
            Out::Received(_, Err(RecvError::Lagged(1..))) if known.lossy => {}
            Out::Received(_, Err(RecvError::Closed)) if known.closed => {}
            Out::Sent(Ok(())) => known.sent.push(actor),
            Out::Sent(Err(item)) if known.closed && item == actor => known.refused.push(item),
            out => return Err(format!("future {actor} returns {out:?}")),
        }
        Ok(None)
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let (kept, behind) = (object.sender.len(), object.witness.borrow().behind());
        let sent = object.had.get() + behind;
        if kept > self.capacity {
            return Err(format!("{kept} items are kept"));
        }
        for actor in world.pending().filter(|i| world.woken(*i).is_none()) {
            let why = match self.does(actor) {
                _ if world.model.closed => "the channel is closed",
                Does::Send if kept < self.capacity => "there is room",
                Does::Recv if object.began.borrow()[actor].is_some_and(|from| from < sent) => {
                    "its item is there"
                }
                _ => continue,
            };
            return Err(format!("{why}, and future {actor} was not woken"));
        }
        let (waiters, pending) = (object.sender.waiters(), world.pending().count());
        if waiters > pending {
            return Err(format!("waiters() says {waiters}, of {pending}"));
        }
        Ok(())
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        world.model.closed = true;
        world.object().sender.close();
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        drop(object.slow.borrow_mut().take());
        let mut order = world.model.order.clone();
        let mut witness = object.witness.borrow_mut();
        loop {
            match witness.try_recv() {
                Ok(item) => order.push(Some(item)),
                Err(TryRecvError::Lagged(n)) => order.extend((0..n).map(|_| None)),
                Err(_) => break,
            }
        }
        let known = &world.model;
        for &(from, item) in &known.received {
            match order.get(from as usize) {
                Some(Some(other)) if *other == item => {}
                Some(None) => {} // the witness has missed it
                other => {
                    return Err(format!(
                        "item {item} was received, {other:?} by the witness"
                    ));
                }
            }
        }
        for item in &known.sent {
            match order.iter().filter(|other| **other == Some(*item)).count() {
                1 => {}
                0 if known.lossy => {}
                n => return Err(format!("item {item} was sent, and is there {n} times")),
            }
        }
        if let Some(item) = known
            .refused
            .iter()
            .find(|item| order.contains(&Some(**item)))
        {
            return Err(format!("item {item} was refused, and is there"));
        }
        let sender = &object.sender;
        match (sender.waiters(), sender.receiver_count(), sender.len()) {
            (0, 1, 0) => Ok(()),
            left => Err(format!("waiters, receivers, items are left: {left:?}")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        format!(
            "{:?}, {:?}; {:?}",
            object.sender, object.witness, world.model
        )
    }
}
