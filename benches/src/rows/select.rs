//! Selects among many channels, of which one has a message.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_sync::channel::{self, Receiver, Sender};
use async_sync::select::{SelectSet, select_all, until_none};
use futures_util::StreamExt;

use crate::case::{Cases, Passes, Point, Role};
use crate::measure::hand::{ready, repeat};
use crate::row::{Goal, Measure, Rival, Row};

/// Registered once.
const SET: &str = "async-sync, SelectSet";
/// Made anew for each message.
const ALL: &str = "async-sync, select_all";
const MACRO: &str = "async-sync, select!";
const FU_ALL: &str = "futures, select_all";
const FU_STREAMS: &str = "futures, stream::select_all";
const FU_TOKIO: &str = "futures, select_all over tokio's";
const TOKIO_MACRO: &str = "tokio, select!";
const CROSSFIRE: &str = "crossfire, blocking Select";
const ONE: &str = "async-sync, one channel";

/// Which channel is next: all have their turn, none is the next neighbour.
struct Turns {
    next: usize,
    of: usize,
}

impl Turns {
    fn new(of: usize) -> Self {
        Turns { next: 0, of }
    }
    fn next(&mut self) -> usize {
        self.next = (self.next + 3) % self.of;
        black_box(self.next)
    }
}

fn ours(n: usize) -> (Vec<Sender<u64>>, Vec<Receiver<u64>>) {
    (0..n).map(|_| channel::bounded(4)).unzip()
}

/// Polls once in vain if the message comes later, sends, and polls what is ready then.
fn receive<F: Future + Unpin>(
    mut future: F,
    waits: bool,
    send: impl FnOnce(),
    cx: &mut Context<'_>,
) -> F::Output {
    if waits {
        assert!(Pin::new(&mut future).poll(cx).is_pending());
        send();
    }
    match Pin::new(&mut future).poll(cx) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a message was sent"),
    }
}

/// A message is sent, and then received by a select among `n`; or the select waits first.
fn at_run_time(n: usize, waits: bool) -> Point {
    let label = format!("{n} channels{}", if waits { ", it waits" } else { "" });
    // `3` has to go round.
    assert!(!n.is_multiple_of(3));
    let mut cases = Cases::new("select", label, Passes::Counted);
    cases.add(SET, Role::Ours, move |plan| {
        let (senders, receivers) = ours(n);
        let mut set: SelectSet<_> = receivers.iter().map(|r| until_none(|| r.recv())).collect();
        let mut turns = Turns::new(n);
        repeat(plan, |cx| {
            let sender = &senders[turns.next()];
            let send = || sender.try_send(7).expect("there is room");
            if !waits {
                send();
            }
            assert_eq!(
                receive(set.next(), waits, send, cx).map(|(_, m)| m),
                Some(7)
            );
        })
    });
    cases.add(ALL, Role::Ours, move |plan| {
        let (senders, receivers) = ours(n);
        let mut turns = Turns::new(n);
        repeat(plan, |cx| {
            let sender = &senders[turns.next()];
            let send = || sender.try_send(7).expect("there is room");
            if !waits {
                send();
            }
            let select = select_all(receivers.iter().map(Receiver::recv));
            assert_eq!(receive(select, waits, send, cx).1, Some(7));
        })
    });
    cases.add(FU_ALL, Role::Peer, move |plan| {
        let (senders, receivers) = ours(n);
        let mut turns = Turns::new(n);
        repeat(plan, |cx| {
            let sender = &senders[turns.next()];
            let send = || sender.try_send(7).expect("there is room");
            if !waits {
                send();
            }
            let select =
                futures_util::future::select_all(receivers.iter().map(|r| Box::pin(r.recv())));
            assert_eq!(receive(select, waits, send, cx).0, Some(7));
        })
    });
    cases.add(FU_TOKIO, Role::Peer, move |plan| {
        let (senders, mut receivers): (Vec<_>, Vec<_>) =
            (0..n).map(|_| tokio::sync::mpsc::channel::<u64>(4)).unzip();
        let mut turns = Turns::new(n);
        repeat(plan, |cx| {
            let sender = &senders[turns.next()];
            let send = || sender.try_send(7).expect("there is room");
            if !waits {
                send();
            }
            let select =
                futures_util::future::select_all(receivers.iter_mut().map(|r| Box::pin(r.recv())));
            assert_eq!(receive(select, waits, send, cx).0, Some(7));
        })
    });
    cases.add(FU_STREAMS, Role::Peer, move |plan| {
        let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..n)
            .map(|_| futures::channel::mpsc::channel::<u64>(4))
            .unzip();
        let mut streams = futures_util::stream::select_all(receivers);
        let mut turns = Turns::new(n);
        repeat(plan, |cx| {
            let sender = &mut senders[turns.next()];
            let mut send = || sender.try_send(7).expect("there is room");
            if !waits {
                send();
            }
            assert_eq!(receive(streams.next(), waits, send, cx), Some(7));
        })
    });
    if !waits {
        cases.add(CROSSFIRE, Role::Peer, move |plan| {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..n)
                .map(|_| crossfire::mpsc::bounded_blocking::<u64>(4))
                .unzip();
            let mut select = crossfire::select::Select::new();
            for receiver in &receivers {
                select.add(receiver);
            }
            let mut turns = Turns::new(n);
            repeat(plan, |_| {
                let turn = turns.next();
                senders[turn].try_send(7).expect("there is room");
                let result = select.select().expect("nobody has gone");
                assert_eq!(receivers[turn].read_select(result), Ok(7));
            })
        });
        let go = if n == 8 { "select" } else { "reflect.Select" };
        cases.go(&format!("Go, {go}"), &["select", &n.to_string()]);
    }
    cases.add(ONE, Role::Floor, move |plan| {
        let (senders, receivers) = ours(n);
        let mut turns = Turns::new(n);
        repeat(plan, |cx| {
            let turn = turns.next();
            let send = || senders[turn].try_send(7).expect("there is room");
            if !waits {
                send();
            }
            let future = pin!(receivers[turn].recv());
            assert_eq!(receive(future, waits, send, cx), Some(7));
        })
    });
    if n == 8 && !waits {
        by_macro(&mut cases);
    }
    cases.point()
}

/// The static cases: eight, written down.
fn by_macro(cases: &mut Cases) {
    cases.add(MACRO, Role::Ours, |plan| {
        let (senders, receivers) = ours(8);
        let mut turns = Turns::new(8);
        repeat(plan, |cx| {
            senders[turns.next()].try_send(7).expect("there is room");
            let select = || async {
                async_sync::select! {
                    message = receivers[0].recv() => message,
                    message = receivers[1].recv() => message,
                    message = receivers[2].recv() => message,
                    message = receivers[3].recv() => message,
                    message = receivers[4].recv() => message,
                    message = receivers[5].recv() => message,
                    message = receivers[6].recv() => message,
                    message = receivers[7].recv() => message,
                }
            };
            assert_eq!(ready(select, cx), Some(7));
        })
    });
    cases.add(TOKIO_MACRO, Role::Peer, |plan| {
        let (senders, mut receivers): (Vec<_>, Vec<_>) =
            (0..8).map(|_| tokio::sync::mpsc::channel::<u64>(4)).unzip();
        let mut turns = Turns::new(8);
        repeat(plan, |cx| {
            senders[turns.next()].try_send(7).expect("there is room");
            let [a, b, c, d, e, f, g, h] = &mut receivers[..] else {
                unreachable!("eight were made");
            };
            let select = move || async move {
                tokio::select! {
                    message = a.recv() => message,
                    message = b.recv() => message,
                    message = c.recv() => message,
                    message = d.recv() => message,
                    message = e.recv() => message,
                    message = f.recv() => message,
                    message = g.recv() => message,
                    message = h.recv() => message,
                }
            };
            assert_eq!(ready(select, cx), Some(7));
        })
    });
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        id: "P34",
        title: "Select among many channels, per message",
        about: "One of so many channels has a message, each time another one, and it is received by a \
                select among all; by hand, one thread. \"It waits\": the select is polled first, and the \
                message comes then.",
        judged: SET,
        floor: Some(ONE),
        measure: Measure::Nanos,
        points: vec![
            at_run_time(8, false),
            at_run_time(1000, false),
            at_run_time(8, true),
            at_run_time(1000, true),
        ],
        goals: vec![
            Goal::Ahead(Rival::Peers),
            Goal::Ahead(Rival::Go(0)),
            Goal::Flat(2.0),
        ],
        notes: &[
            "`SelectSet`, `stream::select_all` and crossfire's `Select` are made once; the others for each message.",
            "crossfire's `Select` blocks the thread, and exists for receivers only.",
            "Go and crossfire are told which channel it is (`select` by its cases, crossfire by the loop).",
        ],
    }]
}
