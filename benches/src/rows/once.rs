//! P25: a cell that is set.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Acquire};

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::hand::{ready, repeat};
use crate::row::{Goal, Measure, Rival, Row};

const BARE: &str = "a load that acquires";
const TOKIO: &str = "tokio";
const ASYNC_LOCK: &str = "async-lock";
const MEA: &str = "mea";

/// A flag and a value.
struct Bare(AtomicU32, u64);

impl Bare {
    #[inline]
    fn get(&self) -> Option<&u64> {
        (self.0.load(Acquire) != 0).then_some(&self.1)
    }
}

fn floors(mut cases: Cases) -> Point {
    cases.add(BARE, Role::Floor, |plan| {
        let cell = Bare(AtomicU32::new(1), 1);
        let cell = black_box(&cell);
        repeat(plan, |_| {
            black_box(cell.get());
        })
    });
    cases.add("std OnceLock (blocks)", Role::Floor, |plan| {
        let cell = OnceLock::from(1_u64);
        let cell = black_box(&cell);
        repeat(plan, |_| {
            black_box(cell.get_or_init(|| 2));
        })
    });
    cases.go("Go sync.Once", &["once"]);
    cases.point()
}

/// The types stand here themselves: through the adapters of `conformance` an `async` block around
/// each future would be measured, too.
macro_rules! cells {
    ($point:literal, |$cell:ident, $cx:ident| $get:expr) => {{
        let mut cases = Cases::new("once-set", $point, Passes::Instructions);
        cells!(@ cases, async_sync::OnceCell<u64>, ours::PLAIN, Role::Ours, |$cell, $cx| $get);
        cells!(@ cases, tokio::sync::OnceCell<u64>, TOKIO, Role::Peer, |$cell, $cx| $get);
        cells!(@ cases, async_lock::OnceCell<u64>, ASYNC_LOCK, Role::Peer, |$cell, $cx| $get);
        cells!(@ cases, mea::once::OnceCell<u64>, MEA, Role::Peer, |$cell, $cx| $get);
        floors(cases)
    }};
    (@ $cases:ident, $cell_type:ty, $name:expr, $role:expr, |$cell:ident, $cx:ident| $get:expr) => {
        $cases.add($name, $role, |plan| {
            let set = <$cell_type>::from(1);
            let $cell = black_box(&set);
            repeat(plan, |$cx| {
                black_box($get);
            })
        });
    };
}

pub(super) fn rows() -> Vec<Row> {
    let get = cells!("get", |cell, _cx| cell.get());
    let get_or_init = cells!("get_or_init", |cell, cx| ready(
        || cell.get_or_init(async || 2),
        cx
    ));
    vec![Row {
        id: "P25",
        title: "OnceCell, when it is set",
        about: "`get`, and `get_or_init` whose future is polled once, by hand, and is ready. The \
                result is looked at.",
        judged: ours::PLAIN,
        floor: Some(BARE),
        measure: Measure::Nanos,
        points: vec![get, get_or_init],
        goals: vec![Goal::TimesFloor(1.1), Goal::Ahead(Rival::Peers)],
        notes: &[],
    }]
}
