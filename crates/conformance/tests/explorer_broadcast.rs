//! Broadcasts and channels for one item under every order of steps.

use conformance::explorer::sets::broadcast::{BroadcastSet, Does};
use conformance::explorer::sets::oneshot::{self, OneshotSet};
use conformance::explorer::{Bounds, Explorer};

use Does::{Recv, Send};

fn parked() -> Bounds {
    Bounds {
        parks: 1,
        ..Bounds::default()
    }
}

/// Nobody waits: who is slow misses something.
#[test]
fn lagging() {
    let set = BroadcastSet::new(1, [(0, Recv), (1, Recv)]);
    let set = set.send(3).witness(2).close();
    Explorer::new(7).check("broadcast: two receive what may be pushed out", &set);
}

/// Senders wait for the slowest.
#[test]
fn lossless() {
    let set = BroadcastSet::new(1, [(0, Send), (1, Send), (2, Recv)]);
    let set = set.witness(2).close();
    Explorer::new(7).check("broadcast: two wait to send, one to receive", &set);
    let set = BroadcastSet::new(1, [(0, Send), (1, Send), (2, Recv)]);
    let set = set.try_send(2).witness(2).bounds(parked());
    Explorer::new(6).check("broadcast: two wait to send, one is parked", &set);
    let set = BroadcastSet::new(2, [(0, Send), (1, Send), (2, Send)]);
    let set = set.slow().witness(3);
    Explorer::new(7).check("broadcast: the slowest leaves", &set);
}

/// Both kinds of sending.
#[test]
fn both_policies() {
    let set = BroadcastSet::new(1, [(0, Send), (1, Recv), (2, Send)]);
    let set = set.send(2).witness(2).slow();
    Explorer::new(6).check("broadcast: some wait, some do not", &set);
}

#[test]
fn one_task() {
    let set = BroadcastSet::new(1, [(0, Send), (0, Recv), (0, Send)]);
    let set = set.try_send(1).witness(2).bounds(parked());
    Explorer::new(7).check("broadcast: one task on both sides, one parked", &set);
}

#[test]
fn one_item() {
    use oneshot::Does::{Closed, Recv};

    let set = OneshotSet::new([(0, Recv), (1, Closed)]);
    Explorer::new(7).check("oneshot: both ends", &set);
    let set = OneshotSet::new([(0, Recv), (0, Closed), (1, Recv)]);
    Explorer::new(5).check("oneshot: two receive in turn", &set);
    let set = OneshotSet::new([(0, Recv), (1, Recv)]).bounds(parked());
    Explorer::new(6).check("oneshot: two receive in turn, one is parked", &set);
}
