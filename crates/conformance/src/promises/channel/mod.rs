//! What is measured of channels.
//!
//! Those who wait to receive are measured one by one in `recv`, and all together, as a lock, in
//! `turns`; those who wait to send in `send`; values with destructors in `values`; and what only some
//! channels have in `offers`.

mod offers;
mod recv;
mod send;
pub(super) mod turns;
mod values;

pub(super) use offers::{closable, many, rendezvous, reserving, shared};

use super::tools::Polled;
use super::{Measurement, list, scenario};
use crate::peers::{TryChannel, ValueChannel};
use crate::scenarios::any_channel;

/// Of every channel.
pub(super) fn every<C: TryChannel + ValueChannel>() -> Vec<Measurement> {
    list! {
        "fifo", recv::in_order::<C>, "Items are received in the order in which they were sent",
            "A hundred, three or four in the channel at a time.";
        "recv-cancel", recv::a_queued_receive::<C>, "A receive that is dropped while it waits loses nothing",
            "It is dropped; then an item is sent, and received by another.";
        "recv-cancel-woken", recv::a_woken_receive::<C>, "... also when it was woken already",
            "Two items are sent, the first of which woke it, and it is dropped before or after the second: both must be received, in order.";
        "recv-storm", || scenario!(any_channel::cancelled_receives::<C, _>), "Receives with time limits of all lengths lose nothing",
            "Scenario, on tokio with two workers.";
        "recv-never-polled", recv::never_polled::<C>, "A receive that was never polled has no effect",
            "One is made and dropped; the item goes to the next.";
        "recv-threads", recv::threads::<C>, "No item is lost between threads",
            "It is sent in a thread while another polls its first receive; 300 times.";
        "recv-residue", recv::residue::<C>, "A receive that is dropped leaves nothing behind",
            "Its waker is not kept, nor woken.";
        "recv-spurious", recv::spurious::<C>, "Spurious polls of a receive change nothing",
            "A thousand; no more than one clone of the waker is kept, and one item received.";
        "recv-another-waker", recv::another_waker::<C>, "The waker of a receive's last poll is woken, and no other",
            "A receive is polled with one waker, then with another.";
        "recv-wake-unlocked", recv::wake_without_lock::<C>, "No internal lock is held while a receiver's waker runs",
            "`wake` waits for up to 500 ms for another thread that sends into the channel.";
        "recv-wake-panics", recv::wake_panics::<C>, "A receiver's waker that panics does no harm",
            "... to the channel: what is sent next is received.";
        "recv-allocations", recv::allocations::<C>, "Waiting to receive does not allocate",
            "A counting allocator around the polls of a receive that waits; sending is not counted.";
        "send-order", send::in_order::<C>, "Those who wait to send are served in the order in which they came",
            "Four wait. After each receive those that were woken are polled, the last one first.";
        "send-newcomers", send::newcomers_queue::<C>, "Nobody passes those who wait to send",
            "One waits, room is made, and before it is polled a newcomer tries: what it sends must come later.";
        "send-cancel", send::a_queued_send::<C>, "A send that is dropped has sent its item, or has not",
            "It is dropped while it waits: what was sent before is received, then its item or not; then there is room.";
        "send-cancel-woken", send::a_woken_send::<C>, "A send that is dropped after it was woken leaves its turn to the next",
            "Two wait, room is made, the first is dropped: the second must be served.";
        "send-storm", send::storm::<C>, "Sends that are dropped at any moment lose nothing",
            "Four threads send 200 items each, of which they drop every third send after a poll or two, while one receives: all others arrive, in order, and none twice.";
        "send-never-polled", send::never_polled::<C>, "A send that was never polled has no effect",
            "One is made and kept; another has the only place.";
        "send-parked", send::a_parked_send::<C>, "No futurelock among senders, as long as somebody receives",
            "Two wait, room is made, and the first is woken and never polled: the second must be served while others receive all the time.";
        "send-parked-task", send::a_parked_send_of_the_same_task::<C>, "... nor within a task",
            "The same of two sends of one task.";
        "send-no-herd", send::no_herd::<C>, "A receive wakes one sender, not all",
            "Sixty-four wait; kept if there are at most two wake-ups for each.";
        "send-residue", send::residue::<C>, "Dropped sends leave nothing behind",
            "A hundred queued sends are dropped; clones of their wakers are counted.";
        "send-spurious", send::spurious::<C>, "Spurious polls of a send change nothing",
            "A thousand; no more than one clone of the waker is kept, and one item sent.";
        "send-another-waker", send::another_waker::<C>, "The waker of a send's last poll is woken, and no other",
            "A send is polled with one waker, then with another.";
        "send-wake-unlocked", send::wake_without_lock::<C>, "No internal lock is held while a sender's waker runs",
            "`wake` waits for up to 500 ms for another thread that sends into the channel.";
        "send-wake-panics", send::wake_panics::<C>, "A sender's waker that panics costs nobody else anything",
            "The first of two that wait has one: the second must be served.";
        "send-wake-panics-item", send::wake_panics_and_the_item::<C>, "... not even the receive that calls it its item",
            "The same; the receive panics, and what it would have received is received by the next.";
        "send-allocations", send::allocations::<C>, "Waiting to send does not allocate",
            "A counting allocator around the polls of a send that waits.";
        "send-back", send::refused_at_once::<C>, "A send into a closed channel gives its item back",
            "The receiver is gone before.";
        "send-back-waiting", send::refused_while_waiting::<C>, "... also when the channel closes while it waits",
            "The receiver goes while forty wait: each is told, and has its item.";
        "order", || scenario!(any_channel::order::<C, _>), "Scenario: the items of each sender arrive in order",
            "Several tasks send; each item arrives once.";
        "s75", || scenario!(any_channel::s75_closing::<C, _>), "Scenario S75: what is left is received after closing",
            "Then nothing, for ever.";
        "s75-gone", || scenario!(any_channel::s75_nobody_receives::<C, _>), "Scenario S75: a sender is told that nobody receives any more",
            "It waits when the receiver goes.";
        "values-received", values::given_away::<C>, "What was received belongs to the receiver alone",
            "The channel has no reference left to a value that was received.";
        "values-abandoned", values::nobody_receives::<C>, "When nobody can receive them any more, values are dropped",
            "Three are in the channel when the last receiver goes. The sender stays.";
        "values-end", values::all_gone::<C>, "No value outlives the channel",
            "Three are in it when the last handle goes, in either order.";
        "values-cancelled", values::dropped_sends::<C>, "Values of sends that were dropped are dropped",
            "Once all is dropped: of a send that waited, one that was woken, and one that was never polled.";
        "values-promised", values::dropped_receives::<C>, "... and those that a dropped receive was woken for",
            "The receive, then the channel is dropped.";
    }
}

/// Fills the channel. How many items there are now: 0, 1, and so on.
fn fill<C: TryChannel>(sender: &mut C::Sender) -> u64 {
    let mut items = 0;
    while C::try_send(sender, items) {
        items += 1;
    }
    items
}

/// A send by a sender of its own.
fn sending<C: TryChannel>(
    sender: &C::Sender,
    item: u64,
) -> impl Future<Output = bool> + Send + use<C> {
    let mut sender = sender.clone();
    async move { C::send(&mut sender, item).await }
}

/// Receives, and polls the senders that were woken, the last one first, until nothing moves.
fn run<C: TryChannel, F: Future>(
    receiver: &mut C::Receiver,
    senders: &mut [Polled<F>],
) -> Vec<u64> {
    let mut items = Vec::new();
    loop {
        let received = C::try_recv(receiver);
        let mut moved = received.is_some();
        items.extend(received);
        for sender in senders.iter_mut().rev() {
            if sender.future.is_some() && sender.task.woken() > 0 {
                moved = true;
                let _ = sender.poll();
            }
        }
        if !moved {
            return items;
        }
    }
}
