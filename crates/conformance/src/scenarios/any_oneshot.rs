//! Any channel for one item: ours, and the peers'.

use std::sync::Arc;
use std::time::Duration;

use async_sync::Event;
use futures::FutureExt;

use crate::peers::AsyncOneshot;
use crate::{Runtime, all};

/// The reply to a request, before or after somebody waits for it.
///
/// # Panics
///
/// If it does not arrive.
pub async fn replies<O: AsyncOneshot, R: Runtime>(rt: R) {
    let (requests, inbox) = async_sync::channel::bounded::<(u64, O::Sender)>(4);
    let server = rt.spawn(async move {
        while let Some((question, reply)) = inbox.recv().await {
            O::send(reply, 2 * question);
        }
    });
    let clients = (0..6_u64).map(|n| {
        let (requests, rt) = (requests.clone(), rt.clone());
        async move {
            let (reply, mut answer) = O::channel();
            requests
                .send((n, reply))
                .await
                .expect("the server is there");
            if n.is_multiple_of(2) {
                rt.sleep(Duration::from_micros(20 * n)).await;
            }
            O::recv(&mut answer).await
        }
    });
    let clients: Vec<_> = clients.collect();
    drop(requests);
    let answers = all(&rt, clients).await;
    assert_eq!(answers, (0..6).map(|n| Some(2 * n)).collect::<Vec<_>>());
    server.await.expect("the server ends");
}

/// Who was to send has gone: whoever waits, or comes to wait, is told so.
///
/// # Panics
///
/// If not.
pub async fn the_sender_goes<O: AsyncOneshot, R: Runtime>(rt: R) {
    for late in [false, true] {
        let (sender, mut receiver) = O::channel();
        let wait = rt.spawn(async move { O::recv(&mut receiver).await });
        if late {
            rt.sleep(Duration::from_millis(1)).await;
        }
        drop(sender);
        assert_eq!(wait.await.expect("it ends"), None);
    }
}

/// S80, CH5: who asked has gone; the worker that has the result ends all the same.
///
/// # Panics
///
/// If it hangs, or is told that the result was wanted.
pub async fn s80_nobody_waits_for_the_result<O: AsyncOneshot, R: Runtime>(rt: R) {
    let (sender, mut receiver) = O::channel();
    let limit = Duration::from_millis(2);
    let late = Arc::new(Event::new());
    let done = Arc::clone(&late);
    let worker = rt.spawn(async move {
        done.wait().await;
        O::send(sender, 7)
    });
    assert!(rt.timeout(limit, O::recv(&mut receiver)).await.is_err());
    drop(receiver);
    late.set();
    assert!(!worker.await.expect("the worker ends"));
}

/// The worker is told that nobody waits for its result, and stops.
///
/// # Panics
///
/// If it is not.
pub async fn who_works_for_nobody_stops<O: AsyncOneshot, R: Runtime>(rt: R) {
    let (mut sender, mut receiver) = O::channel();
    let worker = rt.spawn(async move { O::closed(&mut sender).await });
    let limit = Duration::from_millis(1);
    assert!(rt.timeout(limit, O::recv(&mut receiver)).await.is_err());
    drop(receiver);
    worker.await.expect("the worker stops");
}

/// Receives that are cancelled at any moment do not lose the item.
///
/// # Panics
///
/// If they do.
pub async fn cancelled_receives<O: AsyncOneshot, R: Runtime>(rt: R) {
    let tasks = (0..12_u64).map(|n| {
        let rt = rt.clone();
        async move {
            let (sender, mut receiver) = O::channel();
            let late = rt.sleep(Duration::from_micros(n * 31 % 170));
            let send = rt.spawn(async move {
                late.await;
                assert!(O::send(sender, n));
            });
            let mut round = 0;
            let item = loop {
                round += 1;
                let patience = Duration::from_micros(round * 13 % 60);
                if let Ok(item) = rt.timeout(patience, O::recv(&mut receiver)).await {
                    break item;
                }
                // Polled once, and dropped.
                if let Some(item) = O::recv(&mut receiver).now_or_never() {
                    break item;
                }
            };
            send.await.expect("the sender ends");
            item
        }
    });
    let tasks: Vec<_> = tasks.collect();
    let items = all(&rt, tasks).await;
    assert_eq!(items, (0..12).map(Some).collect::<Vec<_>>());
}
