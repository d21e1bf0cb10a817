//! The scenarios of broadcasts and of channels for one item, on every runtime; those that all should keep, on
//! the peers too.

use conformance::scenarios::broadcast::*;

conformance::on_every_runtime! {
    what_is_missed_is_counted;
    progress_and_results;
    the_end_wakes_both_sides;
    first_come_first_served;
}

mod any {
    use conformance::peers::broadcasts::{Ours, OursLossless};
    use conformance::scenarios::any_broadcast::*;

    conformance::on_every_runtime! {
        pt5_every_item = pt5_every_item_to_every_receiver::<Ours, _>;
        pt5_every_item_lossless = pt5_every_item_to_every_receiver::<OursLossless, _>;
        late_receivers = late_receivers::<Ours, _>;
        nobody_receives = nobody_receives::<Ours, _>;
        receivers_come_back = receivers_come_back::<Ours, _>;
        nobody_receives_lossless = nobody_receives::<OursLossless, _>;
        who_lags_is_told = who_lags_is_told::<Ours, _>;
        the_slowest_sets_the_pace = the_slowest_sets_the_pace::<OursLossless, _>;
        cancelled_receives = cancelled_receives::<Ours, _>;
        cancelled_receives_lossless = cancelled_receives::<OursLossless, _>;
        cancelled_sends = cancelled_sends::<OursLossless, _>;
    }
}

mod oneshot {
    use conformance::peers::oneshots::Ours;
    use conformance::scenarios::any_oneshot::*;

    conformance::on_every_runtime! {
        replies = replies::<Ours, _>;
        the_sender_goes = the_sender_goes::<Ours, _>;
        s80_nobody_waits = s80_nobody_waits_for_the_result::<Ours, _>;
        who_works_for_nobody_stops = who_works_for_nobody_stops::<Ours, _>;
        cancelled_receives = cancelled_receives::<Ours, _>;
    }
}

/// What the peers keep too: so the scenarios ask for nothing that only ours does. (async-broadcast is closed
/// when its last receiver is dropped; no receivers come back to it.)
macro_rules! peers {
    ($($module:ident = $list:ident::$peer:ident, $any:ident: $($scenario:ident),*;)*) => {$(
        mod $module {
            use conformance::peers::$list::$peer;
            use conformance::scenarios::$any;

            $(
                #[test]
                fn $scenario() {
                    conformance::run::tokio_current_thread($any::$scenario::<$peer, _>);
                    conformance::run::tokio_multi_thread($any::$scenario::<$peer, _>);
                }
            )*
        }
    )*};
}

peers! {
    tokio = broadcasts::Tokio, any_broadcast:
        pt5_every_item_to_every_receiver, late_receivers, nobody_receives, receivers_come_back,
        who_lags_is_told, cancelled_receives;
    async_broadcast = broadcasts::AsyncBroadcastCrate, any_broadcast:
        pt5_every_item_to_every_receiver, late_receivers, nobody_receives, the_slowest_sets_the_pace,
        cancelled_receives;
    async_broadcast_overflowing = broadcasts::AsyncBroadcastOverflowing, any_broadcast:
        pt5_every_item_to_every_receiver, late_receivers, nobody_receives, who_lags_is_told, cancelled_receives;
    tokio_oneshot = oneshots::Tokio, any_oneshot:
        replies, the_sender_goes, s80_nobody_waits_for_the_result, who_works_for_nobody_stops, cancelled_receives;
    futures_oneshot = oneshots::Futures, any_oneshot:
        replies, the_sender_goes, s80_nobody_waits_for_the_result, who_works_for_nobody_stops, cancelled_receives;
}

/// A send that waits for a receiver which is never asked, alone in its executor, stalls, and the report says
/// so; without waiting it ends.
#[test]
fn a_lossless_send_alone_stalls() {
    use async_sync::broadcast;

    let run = |capacity| {
        mini_executor::run(7, move |_| async move {
            let (sender, _receiver) = broadcast::channel(capacity);
            sender.send(0).expect("there is a receiver");
            sender.send_lossless(1).await
        })
    };
    assert!(run(1).is_err(), "nobody will ever make room");
    assert_eq!(run(2).expect("it ends"), Ok(()));
}
