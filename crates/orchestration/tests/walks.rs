//! Random walks: futures are polled when they were woken (now and then when they were not), gates are opened,
//! futures are dropped, in thousands of orders. In the end every gate is open and only who was woken is
//! polled: whoever has not come through then has lost a wake-up.

mod common;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use common::Census;
use futures_util::Stream;
use orchestration::Limiter;
use orchestration::results::Map;

const WALKS: u64 = if cfg!(miri) { 20 } else { 3000 };

/// A walk's dice.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        high as usize % n
    }
}

/// Whether somebody was woken.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Flag {
    /// Woken: nobody has looked yet.
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// Opens once, and wakes those who wait; they may come with another waker each time.
#[derive(Clone, Default)]
struct Gate(Rc<RefCell<(bool, Vec<Waker>)>>);

impl Gate {
    async fn pass(&self) {
        poll_fn(|cx| {
            let mut gate = self.0.borrow_mut();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn open(&self) {
        let wakers = {
            let mut gate = self.0.borrow_mut();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// Wakes for nothing.
    fn rattle(&self) {
        let wakers = self.0.borrow().1.clone();
        for waker in wakers {
            waker.wake();
        }
    }
}

type Life = Pin<Box<dyn Future<Output = ()>>>;

/// What a task does in its slot: it works, lends while it waits, and works.
async fn life(limiter: Limiter, census: Census, gates: [Gate; 3], gives_up: bool) {
    let [first, lent, last] = gates;
    {
        let _resident = census.enter();
        first.pass().await;
    }
    if gives_up {
        // It may come back without its slot, so it does no work until the next poll.
        let lent = limiter.lend(lent.pass());
        futures_util::future::select(pin!(lent), pin!(last.pass())).await;
        common::yield_now().await;
    } else {
        limiter.lend(lent.pass()).await;
    }
    let _resident = census.enter();
    last.pass().await;
}

#[test]
fn slots_that_are_lent() {
    let mut came_through = 0;
    for seed in 1..=WALKS {
        let mut dice = Dice(seed);
        let (limiter, census) = (Limiter::new(1 + dice.below(2)), Census::default());
        let limit = limiter.limit();
        let gates: Vec<[Gate; 3]> = (0..4).map(|_| Default::default()).collect();
        let mut tasks: Vec<(Arc<Flag>, Option<Life>)> = gates
            .iter()
            .enumerate()
            .map(|(n, gates)| {
                let life = life(limiter.clone(), census.clone(), gates.clone(), n % 2 == 1);
                (Flag::new(), Some(Box::pin(limiter.run(life)) as Life))
            })
            .collect();
        let poll = |(flag, task): &mut (Arc<Flag>, Option<Life>)| {
            let waker = Waker::from(Arc::clone(flag));
            if let Some(life) = task
                && life
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
            {
                *task = None;
                return 1;
            }
            0
        };
        for _ in 0..60 {
            let n = dice.below(4);
            match dice.below(20) {
                0 => tasks[n].1 = None,
                1 => came_through += poll(&mut tasks[n]),
                2 => gates[n][dice.below(3)].rattle(),
                3..6 => gates[n][dice.below(3)].open(),
                _ if tasks[n].0.take() => came_through += poll(&mut tasks[n]),
                _ => {}
            }
            assert!(
                census.most() <= limit,
                "seed {seed}: {} worked",
                census.most()
            );
        }
        gates.iter().flatten().for_each(Gate::open);
        while tasks
            .iter()
            .any(|(flag, task)| task.is_some() && flag.0.load(Ordering::SeqCst))
        {
            for task in &mut tasks {
                if task.0.take() {
                    came_through += poll(task);
                }
            }
        }
        let stuck = tasks.iter().filter(|(_, task)| task.is_some()).count();
        assert_eq!(stuck, 0, "seed {seed}: they were not woken");
        assert!(
            census.most() <= limit,
            "seed {seed}: {} worked",
            census.most()
        );
        assert_eq!(
            (limiter.running(), limiter.waiting()),
            (0, 0),
            "seed {seed}"
        );
    }
    assert!(came_through > WALKS as usize, "{came_through} came through");
}

/// Maps in one task: everything that was asked for is given, in order where that is promised.
#[test]
fn maps() {
    const ITEMS: usize = 9;
    for seed in 1..=WALKS {
        let mut dice = Dice(seed);
        let gates: Vec<Gate> = (0..ITEMS).map(|_| Gate::default()).collect();
        let (concurrency, window) = (1 + dice.below(4), dice.below(6));
        let ordered = dice.below(2) == 0;
        let passed = gates.clone();
        let map = Map::new(0..ITEMS, move |n| {
            let gate = passed[n].clone();
            async move {
                gate.pass().await;
                n
            }
        });
        let map = map.concurrency(concurrency).window(window);
        let mut stream: Pin<Box<dyn Stream<Item = usize>>> = if ordered {
            Box::pin(map.ordered())
        } else {
            Box::pin(map.unordered())
        };
        let flag = Flag::new();
        let waker = Waker::from(Arc::clone(&flag));
        let mut given = Vec::new();
        let mut ended = false;
        let mut poll = |given: &mut Vec<usize>| {
            match stream.as_mut().poll_next(&mut Context::from_waker(&waker)) {
                // Whoever gets something comes again by itself.
                Poll::Ready(Some(n)) => {
                    given.push(n);
                    flag.0.store(true, Ordering::SeqCst);
                }
                Poll::Ready(None) => ended = true,
                Poll::Pending => {}
            }
            ended
        };
        for _ in 0..40 {
            let n = dice.below(ITEMS);
            match dice.below(8) {
                0 => drop(poll(&mut given)),
                1 => gates[n].rattle(),
                2 => gates[n].open(),
                _ if flag.take() => drop(poll(&mut given)),
                _ => {}
            }
        }
        gates.iter().for_each(Gate::open);
        while flag.take() && !poll(&mut given) {}
        assert!(ended, "seed {seed}: it was not woken; {given:?} was given");
        if !ordered {
            given.sort_unstable();
        }
        assert_eq!(given, (0..ITEMS).collect::<Vec<_>>(), "seed {seed}");
    }
}
