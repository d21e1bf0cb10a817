//! Many tasks on two workers, one primitive.
#![allow(missing_docs, reason = "criterion's macros")]

use std::sync::Arc;

use benches::{shared, tokio_two_workers};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn mutex(c: &mut Criterion) {
    let runtime = tokio_two_workers();
    let mut group = c.benchmark_group("contended/mutex");
    for tasks in [2, 8, 64, 1024] {
        macro_rules! peer {
            ($name:literal, $mutex:expr) => {
                let mutex = Arc::new($mutex);
                group.bench_function(BenchmarkId::new($name, tasks), |b| {
                    b.iter_custom(|operations| {
                        shared(&runtime, &mutex, tasks, operations, |mutex, n| async move {
                            for _ in 0..n {
                                *mutex.lock().await += 1;
                            }
                        })
                    });
                });
            };
        }
        peer!("async-sync", async_sync::Mutex::new(0u64));
        peer!(
            "async-sync, Fifo",
            async_sync::mutex::Mutex::<_, async_sync::mutex::Fifo>::with_policy(0u64)
        );
        peer!("tokio", tokio::sync::Mutex::new(0u64));
        peer!("async-lock", async_lock::Mutex::new(0u64));
    }
    group.finish();
}

fn semaphore(c: &mut Criterion) {
    let runtime = tokio_two_workers();
    let mut group = c.benchmark_group("contended/semaphore, 4 permits held over a yield");
    for tasks in [8, 64, 1024] {
        macro_rules! peer {
            ($name:literal, $semaphore:expr) => {
                let semaphore = Arc::new($semaphore);
                group.bench_function(BenchmarkId::new($name, tasks), |b| {
                    b.iter_custom(|operations| {
                        shared(
                            &runtime,
                            &semaphore,
                            tasks,
                            operations,
                            |semaphore, n| async move {
                                for _ in 0..n {
                                    let _permit = semaphore.acquire().await;
                                    tokio::task::yield_now().await;
                                }
                            },
                        )
                    });
                });
            };
        }
        peer!("async-sync", async_sync::Semaphore::new(4));
        peer!("tokio", tokio::sync::Semaphore::new(4));
        peer!("async-lock", async_lock::Semaphore::new(4));
    }
    group.finish();
}

criterion_group!(contended, mutex, semaphore);
criterion_main!(contended);
