//! Channels: no item is lost or doubled, nobody waits for what is there.

use async_sync::channel::{self, Permit, Receiver, Sender};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// What a future does. The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Receives.
    Recv,
    /// Sends its own number.
    Send,
    /// Waits for a permit, which is kept until it is dropped.
    Reserve,
}

const KINDS: [Does; 3] = [Does::Recv, Does::Send, Does::Reserve];

/// What a future returns.
#[derive(Debug)]
pub enum Out<'a> {
    /// An item, or the end.
    Received(Option<usize>),
    /// Whether it was sent; if not, it came back.
    Sent(Result<(), usize>),
    /// A place, or the end.
    Reserved(Option<Permit<'a, usize>>),
}

/// What is known of a channel.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Items whose senders know that they were sent.
    pub sent: Vec<usize>,
    /// Items whose senders have them back.
    pub refused: Vec<usize>,
    /// Items that were received, in that order.
    pub received: Vec<usize>,
    /// Whether it was closed.
    pub closed: bool,
    /// How many items were made by operations.
    made: usize,
}

/// Futures that send and receive.
#[derive(Debug)]
pub struct ChannelSet {
    capacity: usize,
    plan: Plan<Self>,
}

impl ChannelSet {
    /// So many places; each future is a task and what it does.
    pub fn new(capacity: usize, actors: impl IntoIterator<Item = (usize, Does)>) -> Self {
        let actors = actors.into_iter().map(|(task, does)| (task, does as usize));
        ChannelSet {
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

    /// With so many times a `try_recv`.
    #[must_use]
    pub fn try_recv(self, times: usize) -> Self {
        self.operation(Operation::new("try_recv", times, try_recv))
    }

    /// With so many times a `try_send`.
    #[must_use]
    pub fn try_send(self, times: usize) -> Self {
        self.operation(Operation::new("try_send", times, |world| {
            let item = 100 + world.model.made;
            world.model.made += 1;
            let closed = world.model.closed;
            match world.object().0.try_send(item) {
                Ok(()) if closed => return Err("try_send: closed, and it sends".into()),
                Ok(()) => world.model.sent.push(item),
                Err(error) if error.is_closed() != closed => {
                    return Err(format!("try_send: {error}, without a reason"));
                }
                Err(error) => world.model.refused.push(error.into_inner()),
            }
            Ok(())
        }))
    }

    /// With a closing.
    #[must_use]
    pub fn close(self) -> Self {
        self.operation(Operation::new("close", 1, |world| {
            world.model.closed = true;
            world.object().1.close();
            Ok(())
        }))
    }

    fn does(&self, actor: usize) -> Does {
        KINDS[self.plan.actors[actor].kind]
    }
}

fn try_recv(world: &mut World<'_, ChannelSet>) -> Result<(), String> {
    match world.object().1.try_recv() {
        Ok(item) => receive(world, item),
        Err(_) => Ok(()),
    }
}

fn receive(world: &mut World<'_, ChannelSet>, item: usize) -> Result<(), String> {
    let known = &mut world.model;
    if known.received.contains(&item) {
        return Err(format!("item {item} was received twice"));
    }
    if known.refused.contains(&item) {
        return Err(format!("item {item} was refused, and received"));
    }
    known.received.push(item);
    Ok(())
}

impl Scenario for ChannelSet {
    type Object = (Sender<usize>, Receiver<usize>);
    type Model = Known;
    type Output<'a> = Out<'a>;
    type Held<'a> = Permit<'a, usize>;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Self::Object {
        channel::bounded(self.capacity)
    }

    fn model(&self) -> Known {
        Known::default()
    }

    fn future<'a>(&'a self, object: &'a Self::Object, actor: usize) -> Boxed<'a, Out<'a>> {
        let (sender, receiver) = object;
        match self.does(actor) {
            Does::Recv => Box::pin(async { Out::Received(receiver.recv().await) }),
            Does::Send => Box::pin(async move {
                let sent = sender.send(actor).await;
                Out::Sent(sent.map_err(channel::SendError::into_inner))
            }),
            Does::Reserve => Box::pin(async { Out::Reserved(sender.reserve().await.ok()) }),
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Out<'a>,
    ) -> Result<Option<Permit<'a, usize>>, String> {
        let closed = world.model.closed;
        match output {
            Out::Received(Some(item)) => receive(world, item)?,
            Out::Sent(Ok(())) => world.model.sent.push(actor),
            Out::Sent(Err(item)) if closed && item == actor => world.model.refused.push(item),
            Out::Sent(Err(item)) => {
                return Err(format!("future {actor} got {item} back, without a reason"));
            }
            Out::Reserved(Some(permit)) => return Ok(Some(permit)),
            Out::Received(None) | Out::Reserved(None) if closed => {}
            out => return Err(format!("future {actor} is told of an end: {out:?}")),
        }
        Ok(None)
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let (sender, receiver) = world.object();
        let waits = |does| {
            let mut asleep = world.pending().filter(|i| world.woken(*i).is_none());
            asleep.find(|i| self.does(*i) == does)
        };
        let (gets, puts) = (waits(Does::Recv), waits(Does::Send));
        if let Some(actor) = gets
            && !receiver.is_empty()
        {
            return Err(format!(
                "an item is there, and future {actor} was not woken"
            ));
        }
        if let Some(actor) = puts {
            // Those who reserve stand in the same line.
            if !sender.is_full() && waits(Does::Reserve).is_none() {
                return Err(format!(
                    "there is a place, and future {actor} was not woken"
                ));
            }
            if world.model.closed {
                return Err(format!("closed, and future {actor} was not woken"));
            }
            let held = world.held().count();
            let granted = world.pending().any(|i| self.does(i) == Does::Reserve);
            if let Some(other) = gets
                && held == 0
                && !granted
            {
                return Err(format!("futures {actor} and {other} wait for each other"));
            }
        }
        let (waiters, pending) = (receiver.waiters(), world.pending().count());
        if waiters > pending {
            return Err(format!("waiters() says {waiters}, of {pending}"));
        }
        Ok(())
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        world.model.closed = true;
        world.object().0.close();
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        try_recv(world)
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let (_, receiver) = world.object();
        let known = &world.model;
        let left: Vec<_> = receiver.drain().collect();
        let all = || known.received.iter().chain(&left);
        for item in &known.sent {
            match all().filter(|other| *other == item).count() {
                1 => {}
                n => return Err(format!("item {item} was sent, and is there {n} times")),
            }
        }
        if let Some(item) = known.refused.iter().find(|item| left.contains(item)) {
            return Err(format!("item {item} was refused, and is there"));
        }
        match receiver.waiters() {
            0 => Ok(()),
            n => Err(format!("{n} waiters are left when all futures are gone")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let (sender, _) = world.object();
        format!("{sender:?}, {} items; {:?}", sender.len(), world.model)
    }
}
