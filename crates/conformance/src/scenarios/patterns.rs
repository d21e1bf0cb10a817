//! The patterns over channels and streams: S85 to S89.

use std::time::Duration;

use futures::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use orchestration::fan_out::FanOut;
use orchestration::{Pipeline, Stages, fan_in, or_done};

use crate::{Runtime, all};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// S85: done when the first is, the others dropped by then; one passes through; none never completes.
///
/// # Panics
///
/// If not.
pub async fn s85_or_done<R: Runtime>(rt: R) {
    let begun = rt.now();
    let sleeps = [30_000, 10, 50_000, 20_000, 60_000, 40_000].map(|n| {
        let sleep = rt.sleep(ms(n));
        async move {
            sleep.await;
            n
        }
    });
    assert_eq!(or_done(sleeps).await, 10);
    let took = rt.now() - begun;
    assert!(took >= ms(10) && took < ms(20_000));
    assert_eq!(or_done([std::future::ready(7)]).await, 7);
    let never = or_done(std::iter::empty::<std::future::Ready<()>>());
    assert!(rt.timeout(ms(5), never).await.is_err());
}

/// S86: nothing of nothing; all items of three sources as a multiset, each source in its order; ends after
/// the last.
///
/// # Panics
///
/// If not.
pub async fn s86_fan_in<R: Runtime>(rt: R) {
    assert_eq!(fan_in(Vec::<stream::Empty<u8>>::new()).next().await, None);
    let begun = rt.now();
    let sources = (0..3_u64).map(|source| {
        let rt = rt.clone();
        stream::iter(0..5_u64).then(move |n| {
            let wait = rt.sleep(ms((source + 1) * (n % 3)));
            wait.map(move |()| (source, n))
        })
    });
    let items: Vec<_> = fan_in(sources).collect().await;
    assert!(
        rt.now() - begun >= ms(3 * 4),
        "the slowest has ended as well"
    );
    assert_eq!(items.len(), 15);
    for source in 0..3 {
        let own = items.iter().filter(|(from, _)| *from == source);
        assert!(own.map(|(_, n)| *n).eq(0..5), "{items:?}");
    }
}

/// S87: each output gets all items in order; a stalled one stalls all; all end when the input does, or when
/// whoever fans out is gone.
///
/// # Panics
///
/// If not.
pub async fn s87_fan_out<R: Runtime>(rt: R) {
    let (run, outputs) = FanOut::new(stream::iter(0..20)).capacity(2).broadcast_to(3);
    let run = rt.spawn(run);
    let begun = rt.now();
    let readers = outputs.into_iter().enumerate().map(|(at, mut output)| {
        let rt = rt.clone();
        async move {
            let mut seen = Vec::new();
            while let Some(item) = output.next().await {
                if at == 0 && item == 0 {
                    rt.sleep(ms(20)).await;
                }
                seen.push((rt.now(), item));
            }
            seen
        }
    });
    for seen in all(&rt, readers).await {
        assert!(seen.iter().map(|(_, item)| *item).eq(0..20));
        let (at, _) = seen[10];
        assert!(at - begun >= ms(20), "one of them was stalled until then");
    }
    assert_eq!(run.await.expect("it ends").items, 20);

    let (run, [output]) = FanOut::new(stream::pending::<u8>()).broadcast();
    drop(run);
    assert_eq!(output.count().await, 0);
}

/// S88: the stages of streams; a stage whose input is idle is stopped.
///
/// # Panics
///
/// If not.
pub async fn s88_stages<R: Runtime>(rt: R) {
    let first = stream::iter(1..=5).take_n(3).collect::<Vec<_>>().await;
    assert_eq!(first, [1, 2, 3]);
    let all = stream::iter(1..=5).take_n(10).collect::<Vec<_>>().await;
    assert_eq!(all, [1, 2, 3, 4, 5], "not padded");
    let input = || stream::iter([1, 2, 3, 1]);
    assert_eq!(
        input().skip_prefix(|n| *n < 3).collect::<Vec<_>>().await,
        [3, 1]
    );
    assert_eq!(
        input().take_prefix(|n| *n < 3).collect::<Vec<_>>().await,
        [1, 2]
    );
    let context = async_sync::Context::new();
    let idle = stream::pending::<u8>().until_cancelled(&context).take_n(1);
    let idle = rt.spawn(idle.collect::<Vec<_>>());
    rt.sleep(ms(2)).await;
    context.cancel();
    assert!(idle.await.expect("it ends").is_empty());
}

/// S89: 1 to 5, ten times each, summed; nothing of nothing. In one task, and as a pipeline.
///
/// # Panics
///
/// If not.
pub async fn s89_map_reduce<R: Runtime>(rt: R) {
    let sum = stream::iter(1..=5).map(|n| 10 * n).reduce(|sum, n| sum + n);
    assert_eq!(sum.await, Some(150));
    assert_eq!(stream::empty::<u8>().reduce(|_, n| n).await, None);
    let (sum, _) = Pipeline::<_, ()>::from_iter("numbers", 1..=5)
        .map("times ten", |n| 10 * n)
        .concurrency(3)
        .fold(rt, 0, |sum, n| sum + n)
        .await
        .expect("nothing fails");
    assert_eq!(sum, 150);
}
