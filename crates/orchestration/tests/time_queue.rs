//! Items that come out at their time.

mod common;

use std::pin::pin;
use std::time::Duration;

use common::{Census, Rt, on_mini, poll_once, units};
use orchestration::schedgroup::TimeQueue;

async fn in_the_order_of_their_times<R: Rt>(rt: R) {
    let mut queue = TimeQueue::new(rt.clone());
    let now = rt.now();
    for (n, at) in [(3, 3), (1, 1), (2, 1), (0, 0)] {
        queue.schedule(now + units(at), n).unwrap();
    }
    queue.close();
    for n in 0..4 {
        assert_eq!(queue.recv().await, Some(n));
    }
    assert!(rt.now() >= now + units(3));
    assert_eq!(queue.recv().await, None);
    assert_eq!(queue.recv().await, None);
    assert_eq!(queue.delay(units(1), 9).unwrap_err(), 9);
}

async fn from_elsewhere_while_somebody_waits<R: Rt>(rt: R) {
    let mut queue = TimeQueue::new(rt.clone());
    let far = queue.delay(units(60_000), 9).unwrap();
    let (sender, clock) = (queue.sender(), rt.clone());
    let enters = rt.spawn(async move {
        clock.sleep(units(1)).await;
        let job = sender.delay(units(50_000), 1).unwrap();
        assert!(job.reschedule_after(units(1)));
        sender.close();
    });
    assert_eq!(queue.recv().await, Some(1));
    enters.await.unwrap();
    assert!(far.due().is_some());
    let mut end = pin!(queue.recv());
    assert!(poll_once(end.as_mut()).await.is_none());
    // The last one is taken out while somebody waits: DelayQueue's consumer slept on.
    let takes = far.clone();
    let taken = rt.spawn(async move { takes.take() });
    assert_eq!(end.await, None);
    assert_eq!(taken.await.unwrap(), Some(9));
    assert!(far.take().is_none() && far.due().is_none() && !far.reschedule_after(units(1)));
}

async fn nothing_is_lost_or_left<R: Rt>(rt: R) {
    let census = Census::default();
    let mut queue = TimeQueue::new(rt.clone());
    for n in 0..20 {
        assert!(queue.delay(units(n % 2), census.enter()).is_ok());
    }
    // Dropped while it waits, again and again.
    let mut came = 0;
    while came < 10 {
        let soon = rt.timeout(Duration::ZERO, queue.recv()).await;
        came += usize::from(matches!(soon, Ok(Some(_))));
        rt.sleep(units(1) / 20).await;
    }
    let sender = queue.sender();
    drop(queue);
    assert_eq!(census.alive(), 0);
    assert!(sender.delay(units(1), census.enter()).is_err());
}

on_every_runtime! {
    in_the_order_of_their_times
    from_elsewhere_while_somebody_waits
    nothing_is_lost_or_left
}

#[test]
fn exact_in_virtual_time() {
    on_mini(|rt| async move {
        let mut queue = TimeQueue::new(rt.clone());
        for n in [5_u64, 3_000_000, 70, 1 << 40] {
            queue.delay(Duration::from_nanos(n), n).unwrap();
        }
        queue.close();
        while let Some(n) = queue.recv().await {
            assert_eq!(rt.elapsed(), Duration::from_nanos(n));
        }
    });
}
