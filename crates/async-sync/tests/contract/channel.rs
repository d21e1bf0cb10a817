//! What a user of channels may rely on.

use async_sync::channel::{
    self, Drain, Permit, Receiver, Recv, RecvMany, Reserve, ReserveError, SendError, Sender,
    Sending, TryRecvError, TryReserveError, TrySendError, WeakReceiver, WeakSender,
};

use super::*;

assert_impl_all!(Sender<Cell<u8>>: Clone, Send, Sync, Unpin);
assert_impl_all!(Receiver<Cell<u8>>: Clone, Send, Sync, Unpin);
assert_impl_all!(WeakSender<Cell<u8>>: Clone, Send, Sync, Unpin);
assert_impl_all!(WeakReceiver<Cell<u8>>: Clone, Send, Sync, Unpin);
assert_impl_all!(Permit<'static, Cell<u8>>: Send, Sync, Unpin);
assert_impl_all!(Drain<'static, Cell<u8>>: Send, Sync, Unpin);
assert_not_impl_any!(Sender<Rc<u8>>: Send, Sync);
assert_not_impl_any!(Receiver<Rc<u8>>: Send, Sync);
assert_not_impl_any!(WeakSender<Rc<u8>>: Send, Sync);
assert_not_impl_any!(WeakReceiver<Rc<u8>>: Send, Sync);
assert_not_impl_any!(Permit<'static, Rc<u8>>: Send, Sync, Clone);
assert_impl_all!(Sending<'static, Cell<u8>>: Future, Send, Sync);
assert_impl_all!(Recv<'static, Cell<u8>>: Future, Send, Sync);
assert_impl_all!(RecvMany<'static, Cell<u8>>: Future, Send);
assert_impl_all!(Reserve<'static, Cell<u8>>: Future, Send, Sync);
assert_not_impl_any!(Sending<'static, u8>: Unpin, Clone);
assert_not_impl_any!(Recv<'static, u8>: Unpin, Clone);
assert_not_impl_any!(RecvMany<'static, u8>: Unpin, Clone);
assert_not_impl_any!(Reserve<'static, u8>: Unpin, Clone);
assert_not_impl_any!(Sending<'static, Rc<u8>>: Send, Sync);
assert_not_impl_any!(Recv<'static, Rc<u8>>: Send, Sync);
assert_not_impl_any!(Reserve<'static, Rc<u8>>: Send, Sync);
assert_impl_all!(SendError<Rc<u8>>: std::error::Error);
assert_impl_all!(TrySendError<Rc<u8>>: std::error::Error);
assert_impl_all!(TryRecvError: std::error::Error, Copy, Send, Sync);
assert_impl_all!(ReserveError: std::error::Error, Copy, Send, Sync);
assert_impl_all!(TryReserveError: std::error::Error, Copy, Send, Sync);
#[cfg(feature = "stream")]
assert_impl_all!(channel::RecvStream<Cell<u8>>: Send, Sync);
#[cfg(feature = "stream")]
assert_impl_all!(channel::SendSink<Cell<u8>>: Send, Sync);
#[cfg(feature = "stream")]
assert_not_impl_any!(channel::RecvStream<u8>: Unpin, Clone);
#[cfg(feature = "stream")]
assert_not_impl_any!(channel::SendSink<Rc<u8>>: Unpin, Clone, Send);

assert_impl_all!(channel::SendingOwned<Cell<u8>>: Future, Send, Sync);
assert_impl_all!(channel::RecvOwned<Cell<u8>>: Future, Send, Sync);
assert_not_impl_any!(channel::SendingOwned<u8>: Unpin, Clone);
assert_not_impl_any!(channel::RecvOwned<Rc<u8>>: Unpin, Clone, Send);
assert_impl_all!(channel::ReserveOwned<Cell<u8>>: Future, Send, Sync);
assert_not_impl_any!(channel::ReserveOwned<Rc<u8>>: Unpin, Clone, Send);
assert_impl_all!(channel::OwnedPermit<Cell<u8>>: Send, Sync, Unpin);
assert_not_impl_any!(channel::OwnedPermit<Rc<u8>>: Clone, Send);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert_eq!(size_of::<Sender<u64>>(), 8);
    assert_eq!(size_of::<Receiver<u64>>(), 8);
    assert_eq!(size_of::<Option<Receiver<u64>>>(), 8);
    assert_eq!(size_of::<Permit<'_, u64>>(), 8);
    assert_eq!(size_of::<channel::OwnedPermit<u64>>(), 8);
    assert!(size_of::<Reserve<'_, u64>>() <= 64);
    assert!(size_of::<Recv<'_, u64>>() <= 80);
    assert!(size_of::<Sending<'_, u64>>() <= 80);
    assert!(size_of::<Recv<'_, Box<u64>>>() <= 72);
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    future.poll(&mut cx).is_ready()
}

/// The channel and its ring; then nothing, whatever is done.
#[test]
fn nothing_is_allocated_to_send_receive_wait_wake_or_leave() {
    for capacity in [0, 1, 30] {
        let (sender, receiver) = channel::bounded(capacity);
        let work = || {
            for n in 0..capacity {
                sender.try_send(n).unwrap();
            }
            {
                let mut sends: [_; 4] = std::array::from_fn(|n| Box::pin(sender.send(n)));
                let made = allocations(|| {
                    assert!(sends.iter_mut().all(|send| !poll(send.as_mut())));
                    while receiver.try_recv().is_ok() {}
                    assert!(sends.iter_mut().all(|send| poll(send.as_mut())));
                });
                assert_eq!(made, 0);
            }
            let mut recvs: [_; 4] = std::array::from_fn(|_| Box::pin(receiver.recv()));
            let made = allocations(|| {
                assert!(recvs.iter_mut().all(|recv| !poll(recv.as_mut())));
                (0..4).for_each(|n| sender.try_send(n).unwrap());
                assert!(recvs.iter_mut().all(|recv| poll(recv.as_mut())));
            });
            drop(recvs);
            let mut leaving = Box::pin(receiver.recv());
            let left = allocations(|| {
                assert!(!poll(leaving.as_mut()));
                sender.try_send(7).unwrap();
            });
            let dropped = allocations(|| drop(leaving));
            assert_eq!(receiver.try_recv(), Ok(7));
            (made, left, dropped)
        };
        work(); // a rendezvous makes a ring for what was promised and has not been fetched yet
        assert_eq!(work(), (0, 0, 0));
    }
}

#[test]
fn a_bounded_channel_is_two_allocations() {
    let made = allocations(|| {
        let (sender, receiver) = channel::bounded::<u64>(100);
        for n in 0..100 {
            sender.try_send(n).unwrap();
        }
        assert_eq!(receiver.drain().count(), 100);
    });
    assert_eq!(made, 2);
    assert_eq!(allocations(|| drop(channel::unbounded::<u64>())), 1);
    assert_eq!(allocations(|| drop(channel::rendezvous::<u64>())), 1);
}

/// A channel of any number of items makes few rings, and keeps one.
#[test]
fn an_unbounded_channel_allocates_rarely() {
    const ITEMS: u64 = if cfg!(miri) { 100 } else { 1000 };
    let (sender, receiver) = channel::unbounded::<u64>();
    let fill = || {
        allocations(|| {
            for n in 0..ITEMS {
                sender.try_send(n).unwrap();
            }
            assert_eq!(receiver.drain().count(), ITEMS as usize);
        })
    };
    assert!(fill() < 20);
    fill();
    assert_eq!(fill(), 0);
}

/// What was sent may live shorter than what could be.
fn variance<'short, 'long: 'short>(
    error: SendError<&'long u8>,
    handles: (&'long Sender<u8>, &'long Receiver<u8>),
) -> (
    SendError<&'short u8>,
    &'short Sender<u8>,
    &'short Receiver<u8>,
) {
    (error, handles.0, handles.1)
}

#[test]
fn errors_are_covariant() {
    let byte = 7;
    let (sender, receiver) = channel::bounded(1);
    let (error, ..) = variance(SendError(&byte), (&sender, &receiver));
    assert_eq!(error, SendError(&7));
}
