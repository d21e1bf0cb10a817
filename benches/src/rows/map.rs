//! Maps: reads, insertions of what is there, and mixtures, beside other concurrent maps.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::hand::{repeat, repeat_many};
use crate::row::{Measure, Row};
use crate::sample::Plan;

/// A power of two.
const KEYS: u64 = 1024;

/// One of those that are compared. Each by its own idiom: what is read is cloned.
trait Maps: Default + Send + Sync + 'static {
    fn load(&self, key: u64) -> Option<Arc<u64>>;
    fn store(&self, key: u64, value: Arc<u64>);
    fn delete(&self, key: u64);
    fn load_or_store(&self, key: u64, value: Arc<u64>) -> Arc<u64>;
}

type Ours = async_sync::Map<u64, Arc<u64>>;

impl Maps for Ours {
    fn load(&self, key: u64) -> Option<Arc<u64>> {
        self.load(&key)
    }
    fn store(&self, key: u64, value: Arc<u64>) {
        self.store(key, value);
    }
    fn delete(&self, key: u64) {
        self.delete(&key);
    }
    fn load_or_store(&self, key: u64, value: Arc<u64>) -> Arc<u64> {
        self.load_or_store(key, value).0
    }
}

type Papaya = papaya::HashMap<u64, Arc<u64>>;

impl Maps for Papaya {
    fn load(&self, key: u64) -> Option<Arc<u64>> {
        self.pin().get(&key).cloned()
    }
    fn store(&self, key: u64, value: Arc<u64>) {
        self.pin().insert(key, value);
    }
    fn delete(&self, key: u64) {
        self.pin().remove(&key);
    }
    fn load_or_store(&self, key: u64, value: Arc<u64>) -> Arc<u64> {
        Arc::clone(self.pin().get_or_insert(key, value))
    }
}

type Scc = scc::HashMap<u64, Arc<u64>>;

impl Maps for Scc {
    fn load(&self, key: u64) -> Option<Arc<u64>> {
        self.read_sync(&key, |_, value| Arc::clone(value))
    }
    fn store(&self, key: u64, value: Arc<u64>) {
        self.upsert_sync(key, value);
    }
    fn delete(&self, key: u64) {
        self.remove_sync(&key);
    }
    fn load_or_store(&self, key: u64, value: Arc<u64>) -> Arc<u64> {
        Arc::clone(self.entry_sync(key).or_insert(value).get())
    }
}

type Dash = dashmap::DashMap<u64, Arc<u64>>;

impl Maps for Dash {
    fn load(&self, key: u64) -> Option<Arc<u64>> {
        self.get(&key).map(|value| Arc::clone(&value))
    }
    fn store(&self, key: u64, value: Arc<u64>) {
        self.insert(key, value);
    }
    fn delete(&self, key: u64) {
        self.remove(&key);
    }
    fn load_or_store(&self, key: u64, value: Arc<u64>) -> Arc<u64> {
        Arc::clone(&self.entry(key).or_insert(value))
    }
}

type Std = RwLock<HashMap<u64, Arc<u64>>>;

impl Maps for Std {
    fn load(&self, key: u64) -> Option<Arc<u64>> {
        let map = self.read().unwrap_or_else(PoisonError::into_inner);
        map.get(&key).cloned()
    }
    fn store(&self, key: u64, value: Arc<u64>) {
        let mut map = self.write().unwrap_or_else(PoisonError::into_inner);
        map.insert(key, value);
    }
    fn delete(&self, key: u64) {
        let mut map = self.write().unwrap_or_else(PoisonError::into_inner);
        map.remove(&key);
    }
    fn load_or_store(&self, key: u64, value: Arc<u64>) -> Arc<u64> {
        if let Some(there) = Maps::load(self, key) {
            return there;
        }
        let mut map = self.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(key).or_insert(value))
    }
}

fn filled<M: Maps>() -> M {
    let map = M::default();
    for key in 0..KEYS {
        map.store(key, Arc::new(key));
    }
    map
}

/// The same numbers for everybody.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Operations of each thread between two meetings.
const BATCH: usize = 20_000;

/// `threads` threads, one operation in `writes` a store or a deletion. Time per operation and thread.
fn mixed<M: Maps>(plan: &Plan, threads: usize, writes: u64) -> crate::sample::Sample {
    let map = filled::<M>();
    let mut round = 1;
    repeat_many(plan, BATCH, |_| {
        round += 1;
        thread::scope(|scope| {
            for thread in 0..threads {
                let (map, mut random) = (&map, Random(round * 31 + thread as u64));
                scope.spawn(move || {
                    for _ in 0..BATCH {
                        let n = random.next();
                        let key = n % KEYS;
                        match (n >> 32) % (2 * writes) {
                            0 => map.store(key, Arc::new(n)),
                            1 => map.delete(key),
                            _ => drop(black_box(map.load(key))),
                        }
                    }
                });
            }
        });
    })
}

/// The same cases for each map.
macro_rules! each_map {
    ($cases:ident, $case:ident $(, $argument:expr)*) => {
        each_map!(@ $cases, $case, Ours, ours::PLAIN, Role::Ours $(, $argument)*);
        each_map!(@ $cases, $case, Papaya, "papaya", Role::Peer $(, $argument)*);
        each_map!(@ $cases, $case, Scc, "scc", Role::Peer $(, $argument)*);
        each_map!(@ $cases, $case, Dash, "dashmap", Role::Peer $(, $argument)*);
        each_map!(@ $cases, $case, Std, "std RwLock<HashMap>", Role::Peer $(, $argument)*);
    };
    (@ $cases:ident, $case:ident, $map:ty, $name:expr, $role:expr $(, $argument:expr)*) => {
        $cases.add($name, $role, |plan| $case::<$map>(plan $(, $argument)*));
    };
}

fn load<M: Maps>(plan: &Plan) -> crate::sample::Sample {
    let (map, mut random) = (filled::<M>(), Random(1));
    repeat(plan, |_| drop(black_box(map.load(random.next() % KEYS))))
}

fn load_or_store<M: Maps>(plan: &Plan) -> crate::sample::Sample {
    let (map, mut random) = (filled::<M>(), Random(1));
    let value = Arc::new(0);
    repeat(plan, |_| {
        drop(black_box(
            map.load_or_store(random.next() % KEYS, Arc::clone(&value)),
        ));
    })
}

fn one_thread() -> Vec<Point> {
    let mut loads = Cases::new("map", "load, a hit", Passes::Counted);
    each_map!(loads, load);
    let mut both = Cases::new("map", "load_or_store, a hit", Passes::Counted);
    each_map!(both, load_or_store);
    loads.go("Go sync.Map", &["map", "load"]);
    both.go("Go sync.Map", &["map", "load_or_store"]);
    vec![loads.point(), both.point()]
}

fn mixtures() -> Vec<Point> {
    let mut points = Vec::new();
    macro_rules! mixture {
        ($label:literal, $threads:literal, $writes:literal) => {{
            let mut cases = Cases::new("map-mixed", $label, Passes::Timed);
            each_map!(cases, mixed, $threads, $writes);
            points.push(cases.point());
        }};
    }
    mixture!("1 thread, 1 write in 128", 1, 128);
    mixture!("2 threads, 1 write in 128", 2, 128);
    mixture!("1 thread, 1 write in 8", 1, 8);
    mixture!("2 threads, 1 write in 8", 2, 8);
    points
}

const NOTES: &[&str] = &[
    "papaya, and so ours, takes no lock to read; a write allocates an entry and retires the old one. \
     The others lock a bucket, a shard or everything, also while they call a key's `Eq` or a value's \
     `Clone`.",
];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "-",
            title: "Map, one thread",
            about: "A map of 1024 numbers and `Arc`s, with std's hasher; random keys that are there. What \
                    is found is cloned.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: one_thread(),
            goals: Vec::new(),
            notes: NOTES,
        },
        Row {
            id: "-",
            title: "Map, mixed",
            about: "The same map; of the writes one half stores and the other deletes. Time per operation \
                    of each thread.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: mixtures(),
            goals: Vec::new(),
            notes: NOTES,
        },
    ]
}
