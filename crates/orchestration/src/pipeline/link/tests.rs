//! The queue by hand.

use std::task::{Context, Poll, Waker};

use super::*;

fn link(capacity: usize) -> (Tx<u32>, Rx<u32>) {
    let (link, mut receivers) = Link::new(capacity, 1);
    let tx = link.producers(1).pop();
    (tx.unwrap(), receivers.pop().unwrap())
}

fn all(batch: &mut Batch<u32>) -> Vec<(u64, u32)> {
    std::iter::from_fn(|| batch.next()).collect()
}

#[test]
fn what_is_early_waits_for_its_turn() {
    let (tx, rx) = link(8);
    let mut batch = Batch::new();
    tx.place(&mut vec![(2, Some(12)), (1, None)]);
    assert_eq!(rx.try_take(&mut batch, 9), None);
    assert_eq!(tx.link.depth(), 1);
    tx.place(&mut vec![(0, Some(10))]);
    assert_eq!(rx.try_take(&mut batch, 9), Some(true));
    assert_eq!(all(&mut batch), [(0, 10), (1, 12)]);
    tx.place(&mut vec![(4, Some(14)), (3, Some(13))]);
    assert_eq!(rx.try_take(&mut batch, 1), Some(true));
    assert_eq!(all(&mut batch), [(2, 13)]);
    drop(tx);
    assert_eq!(rx.try_take(&mut batch, 1), Some(true));
    assert_eq!(all(&mut batch), [(3, 14)]);
    assert_eq!(rx.try_take(&mut batch, 1), Some(false));
}

#[test]
fn what_is_given_back_goes_first_and_keeps_its_number() {
    let (tx, rx) = link(8);
    tx.put(&mut (0..6).collect());
    let mut batch = Batch::new();
    assert_eq!(rx.try_take(&mut batch, 4), Some(true));
    assert_eq!(batch.next(), Some((0, 0)));
    rx.give_back(&mut batch);
    assert!(rx.has_returned());
    for expected in [1, 2, 3] {
        assert_eq!(rx.try_take(&mut batch, 4), Some(true));
        assert_eq!(all(&mut batch), [(expected, expected as u32)]);
    }
    assert_eq!(rx.try_take(&mut batch, 4), Some(true));
    assert_eq!(all(&mut batch), [(4, 4), (5, 5)]);
}

#[test]
fn room_is_counted_with_what_is_early_and_what_came_back() {
    let (tx, rx) = link(3);
    assert_eq!(tx.look(), Room::For(3));
    tx.place(&mut vec![(1, Some(1)), (2, None)]);
    assert_eq!(tx.look(), Room::For(2));
    tx.place(&mut vec![(0, Some(0)), (4, Some(4))]);
    assert_eq!(tx.look(), Room::Full);
    let mut batch = Batch::new();
    assert_eq!(rx.try_take(&mut batch, 9), Some(true));
    assert_eq!(tx.look(), Room::For(2));
    rx.give_back(&mut batch);
    assert_eq!(tx.look(), Room::Full);
    drop(rx);
    assert_eq!(tx.look(), Room::Abandoned);
    tx.put(&mut VecDeque::from([1, 2]));
    tx.place(&mut vec![(3, Some(3))]);
    assert_eq!(tx.link.depth(), 0);
}

#[test]
fn who_waits_for_room_learns_that_nobody_is_left() {
    let (tx, rx) = link(1);
    tx.put(&mut VecDeque::from([1]));
    let stats = WorkerStats::new();
    let mut room = pin!(tx.room(&stats, || false));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(room.as_mut().poll(&mut cx), Poll::Pending);
    drop(rx);
    // Only if it was told to: a future that was not called is pending.
    assert_eq!(room.as_mut().poll(&mut cx), Poll::Ready(None));
}

#[test]
fn everybody_gets_a_share() {
    let (link, receivers) = Link::new(100, 4);
    let tx = link.producers(1).pop().unwrap();
    tx.put(&mut (0..10).collect());
    let counts = [3, 2, 2, 1].map(|expected| {
        let mut batch = Batch::new();
        assert_eq!(receivers[0].try_take(&mut batch, 64), Some(true));
        assert_eq!(batch.len(), expected);
        expected
    });
    assert_eq!(counts.iter().sum::<usize>(), 8);
}
