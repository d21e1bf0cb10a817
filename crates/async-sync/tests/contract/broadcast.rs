//! What a user of broadcasts and of channels for one item may rely on.

use async_sync::{broadcast, oneshot};

use super::*;

// Several receivers clone an item at the same time: it has to be Sync.
assert_impl_all!(broadcast::Sender<u8>: Clone, Send, Sync, Unpin);
assert_impl_all!(broadcast::Receiver<u8>: Clone, Send, Sync, Unpin);
assert_not_impl_any!(broadcast::Sender<Cell<u8>>: Send, Sync);
assert_not_impl_any!(broadcast::Receiver<Cell<u8>>: Send, Sync);
assert_not_impl_any!(broadcast::Receiver<Rc<u8>>: Send, Sync);
assert_impl_all!(broadcast::Recv<'static, u8>: Future, Send, Sync);
assert_impl_all!(broadcast::Sending<'static, u8>: Future, Send, Sync);
assert_impl_all!(broadcast::SendingOwned<u8>: Future, Send, Sync);
assert_not_impl_any!(broadcast::Recv<'static, u8>: Unpin, Clone);
assert_not_impl_any!(broadcast::Sending<'static, u8>: Unpin, Clone);
assert_not_impl_any!(broadcast::SendingOwned<Cell<u8>>: Unpin, Clone, Send, Sync);
assert_not_impl_any!(broadcast::Recv<'static, Cell<u8>>: Send, Sync);
assert_impl_all!(broadcast::RecvError: std::error::Error, Copy, Send, Sync);
assert_impl_all!(broadcast::TryRecvError: std::error::Error, Copy, From<broadcast::RecvError>);
assert_impl_all!(broadcast::Lagged: std::error::Error, Copy, Send, Sync);
#[cfg(feature = "stream")]
assert_impl_all!(broadcast::RecvStream<u8>: Send, Sync);
#[cfg(feature = "stream")]
assert_not_impl_any!(broadcast::RecvStream<Cell<u8>>: Unpin, Clone, Send, Sync);

assert_impl_all!(oneshot::Sender<Cell<u8>>: Send, Sync, Unpin);
assert_impl_all!(oneshot::Receiver<Cell<u8>>: Send, Sync, Unpin, IntoFuture);
assert_not_impl_any!(oneshot::Sender<Rc<u8>>: Send, Sync, Clone);
assert_not_impl_any!(oneshot::Receiver<Rc<u8>>: Send, Sync, Clone);
assert_impl_all!(oneshot::Wait<'static, Cell<u8>>: Future, Send, Sync);
assert_impl_all!(oneshot::WaitOwned<Cell<u8>>: Future, Send, Sync);
assert_impl_all!(oneshot::Closed<'static, Cell<u8>>: Future, Send, Sync);
assert_not_impl_any!(oneshot::WaitOwned<Rc<u8>>: Unpin, Clone, Send, Sync);
assert_not_impl_any!(oneshot::Wait<'static, Rc<u8>>: Unpin, Clone, Send, Sync);
assert_not_impl_any!(oneshot::Closed<'static, Rc<u8>>: Unpin, Clone, Send, Sync);
assert_impl_all!(oneshot::RecvError: std::error::Error, Copy, Send, Sync);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes_of_broadcasts_and_oneshots() {
    assert_eq!(size_of::<broadcast::Sender<u64>>(), 8);
    assert_eq!(size_of::<broadcast::Receiver<u64>>(), 24);
    assert!(size_of::<broadcast::Recv<'_, u64>>() <= 72);
    assert!(size_of::<broadcast::Sending<'_, u64>>() <= 72);
    assert_eq!(size_of::<oneshot::Sender<u64>>(), 8);
    assert_eq!(size_of::<oneshot::Receiver<u64>>(), 16);
    assert!(size_of::<oneshot::Wait<'_, u64>>() <= 72);
    assert!(size_of::<oneshot::WaitOwned<u64>>() <= 80);
    assert!(size_of::<oneshot::Closed<'_, u64>>() <= 64);
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_ready()
}

/// The channel and its ring; then one for each item, whoever receives it, waits or leaves.
#[test]
fn a_broadcast_item_is_one_allocation() {
    let mut parts = None;
    assert_eq!(
        allocations(|| parts = Some(broadcast::channel::<u64>(4))),
        2
    );
    let (sender, mut receiver) = parts.expect("made above");
    let mut others: [_; 4] = std::array::from_fn(|_| receiver.clone());
    let mut recvs = others.each_mut().map(|other| Box::pin(other.recv()));
    let made = allocations(|| {
        assert!(recvs.iter_mut().all(|recv| !poll(recv.as_mut())));
        sender.send(1).unwrap();
        assert!(recvs.iter_mut().all(|recv| poll(recv.as_mut())));
        assert_eq!(receiver.try_recv(), Ok(1));
    });
    assert_eq!(made, 1);
    drop(recvs);
    assert!((0..4).all(|n| sender.send(n).is_ok()));
    let mut sends: [_; 4] = std::array::from_fn(|n| Box::pin(sender.send_lossless(n as u64)));
    let left = allocations(|| {
        assert!(sends.iter_mut().all(|send| !poll(send.as_mut())));
        drop(others);
        while receiver.try_recv().is_ok() {}
        assert!(sends.iter_mut().all(|send| poll(send.as_mut())));
        drop(receiver);
    });
    assert_eq!(left, 0);
}

#[test]
fn a_oneshot_is_one_allocation() {
    let made = allocations(|| {
        let (sender, receiver) = oneshot::channel::<[u64; 9]>();
        let mut wait = std::pin::pin!(receiver.into_future());
        assert!(!poll(wait.as_mut()));
        sender.send([7; 9]).unwrap();
        assert!(poll(wait.as_mut()));
        let (mut sender, receiver) = oneshot::channel::<u64>();
        {
            let mut closed = std::pin::pin!(sender.closed());
            assert!(!poll(closed.as_mut()));
            drop(receiver);
            assert!(poll(closed.as_mut()));
        }
    });
    assert_eq!(made, 2);
}
