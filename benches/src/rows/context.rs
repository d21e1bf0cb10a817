//! Trees of cancellation beside tokio-util's, a watched value beside tokio's and arc-swap.

use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};

use arc_swap::ArcSwap;
use async_sync::{Context, Watch};
use conformance::peers::{AsyncToken, AsyncWatch, WatchReceiver, tokens, watches};

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::{repeat, repeat_many};
use crate::peers;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Plan, Sample, figure};

const CHILDREN: usize = 1000;

/// Adds ours and tokio-util's.
macro_rules! both_tokens {
    ($cases:ident, $measure:ident) => {
        $cases.add(tokens::Ours::NAME, Role::Ours, $measure::<tokens::Ours>);
        $cases.add(
            tokens::TokioUtil::NAME,
            peers::role(tokens::TokioUtil::PACKAGE),
            $measure::<tokens::TokioUtil>,
        );
    };
}

fn a_child<C: AsyncToken>(plan: &Plan) -> Sample {
    let root = C::new();
    let _others: Vec<C> = (0..10).map(|_| root.child()).collect();
    repeat(plan, |_| drop(black_box(black_box(&root).child())))
}

fn forest<C: AsyncToken>(plan: &Plan) -> Sample {
    let mut failed = false;
    let mut children: Vec<C> = Vec::with_capacity(CHILDREN);
    let sample = repeat_many(plan, CHILDREN, |_| {
        let root = C::new();
        children.extend((0..CHILDREN).map(|_| root.child()));
        root.cancel();
        failed |= !children.iter().all(C::is_cancelled);
        children.clear();
    });
    sample.trouble_if(failed, "a child was not cancelled")
}

fn awaited_forest<C: AsyncToken>(plan: &Plan) -> Sample {
    let mut failed = false;
    // Places for the futures, which are made anew each time.
    let sample = repeat_many(plan, CHILDREN, |cx| {
        let root = C::new();
        let children: Vec<C> = (0..CHILDREN).map(|_| root.child()).collect();
        let mut waits: Vec<Pin<Box<_>>> = children
            .iter()
            .map(|child| Box::pin(child.cancelled()))
            .collect();
        for wait in &mut waits {
            failed |= wait.as_mut().poll(cx).is_ready();
        }
        root.cancel();
        for wait in &mut waits {
            failed |= wait.as_mut().poll(cx).is_pending();
        }
    });
    sample.trouble_if(failed, "did not wait, or was not woken")
}

fn look<C: AsyncToken>(plan: &Plan) -> Sample {
    let token = C::new().child();
    let mut failed = false;
    let sample = repeat(plan, |_| failed |= black_box(&token).is_cancelled());
    sample.trouble_if(failed, "was cancelled")
}

const ONE_LOAD: &str = "one load";

fn one_load(plan: &Plan) -> Sample {
    let flag = AtomicBool::new(false);
    let mut failed = false;
    let sample = repeat(plan, |_| failed |= black_box(&flag).load(Acquire));
    sample.trouble_if(failed, "was set")
}

fn wait_and_leave<C: AsyncToken>(plan: &Plan) -> Sample {
    let token = C::new().child();
    let mut place = Box::pin(None);
    let mut failed = false;
    let sample = repeat(plan, |cx| {
        place.set(Some(black_box(&token).cancelled()));
        if let Some(wait) = place.as_mut().as_pin_mut() {
            failed |= wait.poll(cx).is_ready();
        }
        place.set(None);
    });
    drop(place);
    sample.trouble_if(failed, "did not wait")
}

const TURNS: usize = 1000;

struct PingPong<B>(PhantomData<B>);

impl<B: Bed> PingPong<B> {
    fn run<W: AsyncWatch>(plan: &Plan) -> Sample {
        let bed = B::start();
        let (there, mut asked) = W::new(0);
        let (answers, back) = W::new(0);
        bed.spawn(Box::pin(async move {
            while let Some(value) = asked.changed().await {
                answers.store(value);
            }
        }));
        let mut sides = Some((there, back, 0));
        // A store and a wait of either side are two operations.
        repeat_many(plan, 2 * TURNS, |_| {
            let Some((there, mut back, mut turn)) = sides.take() else {
                return;
            };
            sides = Some(bed.run(async move {
                for _ in 0..TURNS {
                    turn += 1;
                    there.store(turn);
                    let answer = back.changed().await;
                    assert_eq!(answer, Some(turn), "an answer was lost");
                }
                (there, back, turn)
            }));
        })
    }

    fn point(label: &str) -> Point {
        let mut cases = Cases::new("watch-ping-pong", label, Passes::Counted);
        cases.add(ours::PLAIN, Role::Ours, Self::run::<watches::Ours>);
        cases.add(
            <watches::Tokio as AsyncWatch>::NAME,
            Role::Peer,
            Self::run::<watches::Tokio>,
        );
        cases.point()
    }
}

/// What is read: a field of a configuration.
struct Config {
    limit: u64,
}

/// From a place that all share.
fn shared_load() -> Point {
    let mut cases = Cases::new("watch-load", "shared", Passes::Counted);
    cases.add(ours::PLAIN, Role::Ours, |plan: &Plan| {
        let watch = Watch::new(Config { limit: 7 });
        repeat(plan, |_| {
            black_box(black_box(&watch).load().limit);
        })
    });
    cases.add("tokio", Role::Peer, |plan: &Plan| {
        let (watch, _receiver) = tokio::sync::watch::channel(Config { limit: 7 });
        repeat(plan, |_| {
            black_box(black_box(&watch).borrow().limit);
        })
    });
    cases.add("arc-swap, load", Role::Peer, |plan: &Plan| {
        let watch = ArcSwap::from_pointee(Config { limit: 7 });
        repeat(plan, |_| {
            black_box(black_box(&watch).load().limit);
        })
    });
    cases.add("arc-swap, load_full", Role::Peer, |plan: &Plan| {
        let watch = ArcSwap::from_pointee(Config { limit: 7 });
        repeat(plan, |_| {
            black_box(black_box(&watch).load_full().limit);
        })
    });
    cases.add(ONE_LOAD, Role::Floor, one_load);
    cases.point()
}

/// By a receiver that has seen the value.
fn receivers_load() -> Point {
    let mut cases = Cases::new("watch-load", "a receiver's", Passes::Counted);
    cases.add(ours::PLAIN, Role::Ours, |plan: &Plan| {
        let watch = Watch::new(Config { limit: 7 });
        let mut receiver = watch.subscribe();
        repeat(plan, |_| {
            black_box(black_box(&mut receiver).borrow().limit);
        })
    });
    cases.add("tokio", Role::Peer, |plan: &Plan| {
        let (_watch, mut receiver) = tokio::sync::watch::channel(Config { limit: 7 });
        repeat(plan, |_| {
            black_box(black_box(&mut receiver).borrow_and_update().limit);
        })
    });
    cases.add("arc-swap, Cache", Role::Peer, |plan: &Plan| {
        let watch = ArcSwap::from_pointee(Config { limit: 7 });
        let mut cache = arc_swap::cache::Cache::new(&watch);
        repeat(plan, |_| {
            black_box(black_box(&mut cache).load().limit);
        })
    });
    cases.add(ONE_LOAD, Role::Floor, one_load);
    cases.point()
}

/// The price of a deadline: the clock is looked at.
fn look_with_deadline(plan: &Plan) -> Sample {
    let bed = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let Ok(bed) = bed else {
        return Sample {
            trouble: Some("no runtime".to_owned()),
            ..Sample::default()
        };
    };
    let timer = runtime::TokioRuntime::from(bed.handle().clone());
    let ctx = Context::new().with_timeout(&timer, std::time::Duration::from_secs(3600));
    repeat(plan, |_| {
        black_box(black_box(&ctx).is_cancelled());
    })
}

pub(super) fn rows() -> Vec<Row> {
    let one = |situation, label, fill: fn(&mut Cases)| {
        let mut cases = Cases::new(situation, label, Passes::Counted);
        fill(&mut cases);
        cases.point()
    };
    vec![
        Row {
            id: "-",
            title: "Context, a child is made and dropped",
            about: "Ten others are there. Time per child.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![one("context-child", "by hand", |cases| {
                both_tokens!(cases, a_child);
            })],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[],
        },
        Row {
            id: "-",
            title: "Context, 1000 children are cancelled",
            about: "A root and 1000 children are made, the root is cancelled, all are dropped. Time per \
                    child; at the second point, each is waited for.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![
                one("context-cancel", "nobody waits", |cases| {
                    both_tokens!(cases, forest);
                }),
                one("context-cancel", "each is waited for", |cases| {
                    both_tokens!(cases, awaited_forest);
                }),
            ],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[],
        },
        Row {
            id: "-",
            title: "Context, is_cancelled",
            about: "Of a child that is not.",
            judged: ours::PLAIN,
            floor: Some(ONE_LOAD),
            measure: Measure::Nanos,
            points: vec![one("context-look", "by hand", |cases| {
                both_tokens!(cases, look);
                cases.add(
                    "async-sync, with a deadline",
                    Role::Ours,
                    look_with_deadline,
                );
                cases.add(ONE_LOAD, Role::Floor, one_load);
            })],
            goals: vec![Goal::Ahead(Rival::Peers), Goal::FloorAnd(1.0)],
            notes: &["tokio-util takes a mutex to look."],
        },
        Row {
            id: "-",
            title: "Context, wait and leave",
            about: "A future that waits for the cancellation is made, polled and dropped: the price of \
                    `run` around something that waits.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![one("context-wait", "by hand", |cases| {
                both_tokens!(cases, wait_and_leave);
            })],
            goals: vec![
                Goal::Ahead(Rival::Peers),
                Goal::AtMost(Measure::Figure(figure::ALLOCATIONS), 0.0),
            ],
            notes: &[],
        },
        Row {
            id: "-",
            title: "Watch, ping-pong",
            about: "Two tasks and two watched values: each stores and waits for the other. Time per \
                    store and wait.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![
                PingPong::<TokioOneThread>::point("tokio current-thread"),
                PingPong::<TokioTwoWorkers>::point("tokio, 2 workers"),
            ],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[],
        },
        Row {
            id: "-",
            title: "Watch, load",
            about: "A field of the last value is read: from the place that all share, and by a receiver \
                    that has seen it.",
            judged: ours::PLAIN,
            floor: Some(ONE_LOAD),
            measure: Measure::Nanos,
            points: vec![shared_load(), receivers_load()],
            goals: vec![],
            notes: &[
                "Ours, arc-swap's load_full and its Cache give or have an Arc, which may be kept; \
                 tokio's and arc-swap's load a guard, which should not. arc-swap tells nobody of a \
                 change.",
            ],
        },
    ]
}
