//! The channels' scenarios, on every runtime; those that every channel should keep, on the peers too.

use conformance::scenarios::channel::*;

mod any {
    use conformance::peers::channels::Ours;
    use conformance::scenarios::any_channel::*;

    conformance::on_every_runtime! {
        s74_rendezvous = s74_rendezvous::<Ours, _>;
        s75_closing = s75_closing::<Ours, _>;
        s75_nobody_receives = s75_nobody_receives::<Ours, _>;
        s77_closing_wakes = s77_closing_wakes::<Ours, _>;
        s81_consumers = s81_consumers::<Ours, _>;
        order = order::<Ours, _>;
        cancelled_receives = cancelled_receives::<Ours, _>;
        cancelled_everything = cancelled_everything::<Ours, _>;
    }
}

conformance::on_every_runtime! {
    s75_errors;
    s77_closing_wakes_both_sides;
    nobody_listens_any_more;
    s80_nobody_waits_for_the_result;
    s81_producer_consumer;
    s83_token_ring;
    first_come_first_served;
    cancelled_reservations;
    futurelock_across_tasks;
    closing_in_the_middle;
}

/// What the peers keep too: so the scenarios ask for nothing that only ours does.
macro_rules! peers {
    ($($module:ident = $peer:ident: $($scenario:ident),*;)*) => {$(
        mod $module {
            use conformance::peers::channels::$peer;
            use conformance::scenarios::any_channel;

            $(
                #[test]
                fn $scenario() {
                    conformance::run::tokio_current_thread(any_channel::$scenario::<$peer, _>);
                    conformance::run::tokio_multi_thread(any_channel::$scenario::<$peer, _>);
                }
            )*
        }
    )*};
}

peers! {
    tokio = Tokio: s75_closing, s75_nobody_receives, order, cancelled_receives;
    async_channel = AsyncChannelCrate: s75_closing, s75_nobody_receives, s77_closing_wakes,
        s81_consumers, order, cancelled_receives;
    flume = Flume: s74_rendezvous, s75_closing, s75_nobody_receives, s77_closing_wakes, s81_consumers, order;
    kanal = Kanal: s74_rendezvous, s75_closing, s75_nobody_receives, s77_closing_wakes, s81_consumers, order;
    crossfire = Crossfire: s75_closing, s75_nobody_receives, s77_closing_wakes, s81_consumers, order;
    tachyonix = Tachyonix: s75_closing, s75_nobody_receives, order;
    futures_mpsc = Futures: s75_closing, s75_nobody_receives, order;
}

/// S74: a send to nobody, alone in its executor, stalls, and the report says where; with a place it ends.
#[test]
fn s74_a_send_alone_stalls() {
    use async_sync::channel;

    let run = |capacity| {
        mini_executor::run(7, move |_| async move {
            let (sender, _receiver) = channel::bounded(capacity);
            sender.send(1).await
        })
    };
    assert!(run(0).is_err(), "nobody will ever receive");
    assert_eq!(run(1).expect("it ends"), Ok(()));
}

/// S83, to the letter: one step a second, twelve in twelve seconds of virtual time.
#[test]
fn s83_one_a_second() {
    use std::time::Duration;

    use async_sync::channel;
    use runtime::{Spawn, Timer};

    conformance::run::mini(|rt| async move {
        let (mailbox, token) = channel::rendezvous();
        let (back, home) = channel::rendezvous();
        let clock = rt.clone();
        let worker = rt.spawn(async move {
            while let Some(steps) = token.recv().await {
                clock.sleep(Duration::from_secs(1)).await;
                if back.send(steps).await.is_err() {
                    break;
                }
            }
        });
        for steps in 0..12 {
            mailbox.send(steps).await.expect("the worker waits");
            assert_eq!(home.recv().await, Some(steps));
        }
        assert_eq!(rt.elapsed(), Duration::from_secs(12));
        drop(mailbox);
        worker.await.expect("the worker ends");
    });
}
