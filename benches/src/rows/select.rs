//! Selects among many channels, of which one has a message.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll};

use async_sync::channel::{self, Receiver, Sender};
use async_sync::select::{SelectSet, select_all, until_none};
use futures_util::StreamExt;

use crate::case::{Cases, Passes, Point, Role};
use crate::measure::hand::{ready, repeat};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Plan, Sample};

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

/// One message after the other, by `message`, which is told whose turn it is: all have theirs, none is the
/// next neighbour.
fn by_turns(
    plan: &Plan,
    channels: usize,
    mut message: impl FnMut(usize, &mut Context<'_>),
) -> Sample {
    let mut turn = 0;
    repeat(plan, |cx| {
        turn = (turn + 3) % channels;
        message(black_box(turn), cx);
    })
}

fn ours(n: usize) -> (Vec<Sender<u64>>, Vec<Receiver<u64>>) {
    (0..n).map(|_| channel::bounded(4)).unzip()
}

/// Sends, makes a future and polls it, which is ready then. Or, if it `waits`, makes it, polls it in vain and
/// sends before the second poll.
fn receive<F: Future>(
    make: impl FnOnce() -> F,
    waits: bool,
    mut send: impl FnMut(),
    cx: &mut Context<'_>,
) -> F::Output {
    if !waits {
        send();
    }
    let mut future = pin!(make());
    if waits {
        assert!(future.as_mut().poll(cx).is_pending());
        send();
    }
    match future.poll(cx) {
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
        by_turns(plan, n, |turn, cx| {
            let send = || senders[turn].try_send(7).expect("there is room");
            let received = receive(|| set.next(), waits, send, cx);
            assert_eq!(received.map(|(_, m)| m), Some(7));
        })
    });
    cases.add(ALL, Role::Ours, move |plan| {
        let (senders, receivers) = ours(n);
        by_turns(plan, n, |turn, cx| {
            let send = || senders[turn].try_send(7).expect("there is room");
            let select = || select_all(receivers.iter().map(Receiver::recv));
            assert_eq!(receive(select, waits, send, cx).1, Some(7));
        })
    });
    cases.add(FU_ALL, Role::Peer, move |plan| {
        let (senders, receivers) = ours(n);
        by_turns(plan, n, |turn, cx| {
            let send = || senders[turn].try_send(7).expect("there is room");
            let boxed = receivers.iter().map(|r| Box::pin(r.recv()));
            let select = || futures_util::future::select_all(boxed);
            assert_eq!(receive(select, waits, send, cx).0, Some(7));
        })
    });
    cases.add(FU_TOKIO, Role::Peer, move |plan| {
        let (senders, mut receivers): (Vec<_>, Vec<_>) =
            (0..n).map(|_| tokio::sync::mpsc::channel::<u64>(4)).unzip();
        by_turns(plan, n, |turn, cx| {
            let send = || senders[turn].try_send(7).expect("there is room");
            let boxed = receivers.iter_mut().map(|r| Box::pin(r.recv()));
            let select = || futures_util::future::select_all(boxed);
            assert_eq!(receive(select, waits, send, cx).0, Some(7));
        })
    });
    cases.add(FU_STREAMS, Role::Peer, move |plan| {
        let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..n)
            .map(|_| futures::channel::mpsc::channel::<u64>(4))
            .unzip();
        let mut streams = futures_util::stream::select_all(receivers);
        by_turns(plan, n, |turn, cx| {
            let send = || senders[turn].try_send(7).expect("there is room");
            assert_eq!(receive(|| streams.next(), waits, send, cx), Some(7));
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
            by_turns(plan, n, |turn, _| {
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
        by_turns(plan, n, |turn, cx| {
            let send = || senders[turn].try_send(7).expect("there is room");
            let recv = || receivers[turn].recv();
            assert_eq!(receive(recv, waits, send, cx), Some(7));
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
        by_turns(plan, 8, |turn, cx| {
            senders[turn].try_send(7).expect("there is room");
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
        by_turns(plan, 8, |turn, cx| {
            senders[turn].try_send(7).expect("there is room");
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
