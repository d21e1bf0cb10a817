//! Channels under every order of steps.

use conformance::explorer::sets::channel::ChannelSet;
use conformance::explorer::sets::channel::Does::{Recv, Reserve, Send};
use conformance::explorer::{Bounds, Explorer, Waits};

fn restless() -> Bounds {
    Bounds {
        times: 2,
        parks: 2,
        waits: Waits::ForANudge,
        ..Bounds::default()
    }
}

/// As many of both, and calls that do not wait.
#[test]
fn both_sides() {
    for capacity in [0, 1] {
        let set = ChannelSet::new(capacity, [(0, Send), (1, Recv), (2, Send), (3, Recv)]);
        Explorer::new(7).check("channel: two on each side", &set.close());
        let set = ChannelSet::new(capacity, [(0, Send), (1, Recv), (2, Recv)]);
        let set = set.try_send(2).try_recv(2);
        Explorer::new(7).check("channel: two receive, and calls of both kinds", &set);
    }
}

#[test]
fn places() {
    for capacity in [0, 1] {
        let set = ChannelSet::new(capacity, [(0, Reserve), (1, Send), (2, Recv)]);
        Explorer::new(7).check("channel: a permit", &set.try_send(1).try_recv(1).close());
    }
}

#[test]
fn parked() {
    for capacity in [0, 1] {
        let set = ChannelSet::new(capacity, [(0, Recv), (1, Recv), (2, Recv)]);
        let set = set.try_send(2).try_recv(1).bounds(restless());
        Explorer::new(7).check("channel: receivers, time, two parked", &set);
        let set = ChannelSet::new(capacity, [(0, Send), (1, Send), (2, Recv)]);
        let set = set.try_recv(2).bounds(restless());
        Explorer::new(7).check("channel: senders, time, two parked", &set);
    }
    let set = ChannelSet::new(1, [(0, Reserve), (1, Reserve), (2, Send)]);
    let set = set.try_recv(1).try_send(1).bounds(restless());
    Explorer::new(6).check("channel: permits, time, two parked", &set);
}

#[test]
fn one_task() {
    let bounds = Bounds {
        parks: 1,
        ..Bounds::default()
    };
    let set = ChannelSet::new(1, [(0, Recv), (0, Recv), (0, Recv)]);
    let set = set.try_send(3).bounds(bounds);
    Explorer::new(8).check("channel: one task receives three times, one parked", &set);
    let set = ChannelSet::new(1, [(0, Recv), (0, Send), (0, Reserve)]);
    let set = set.try_send(2).try_recv(1).bounds(bounds);
    Explorer::new(7).check("channel: one task on both sides, one parked", &set);
}
