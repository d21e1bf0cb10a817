//! One task, nobody else: the price of each primitive when it is free.
#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use benches::ready;
use criterion::{Criterion, criterion_group, criterion_main};

fn mutex(c: &mut Criterion) {
    let mut group = c.benchmark_group("uncontended/mutex");
    let word = AtomicU32::new(0);
    group.bench_function("floor: compare-exchange and swap", |b| {
        b.iter(|| {
            let _ = black_box(&word).compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            black_box(&word).swap(0, Ordering::Release)
        });
    });
    macro_rules! peer {
        ($name:literal, $mutex:expr) => {
            let mutex = $mutex;
            group.bench_function($name, |b| b.iter(|| *ready(black_box(&mutex).lock()) += 1));
        };
    }
    peer!("async-sync", async_sync::Mutex::new(0u64));
    peer!(
        "async-sync, Fifo",
        async_sync::mutex::Mutex::<_, async_sync::mutex::Fifo>::with_policy(0u64)
    );
    peer!("tokio", tokio::sync::Mutex::new(0u64));
    peer!("async-lock", async_lock::Mutex::new(0u64));
    let mutex = std::sync::Mutex::new(0u64);
    group.bench_function("std", |b| {
        b.iter(|| *black_box(&mutex).lock().unwrap() += 1)
    });
    group.finish();
}

fn semaphore(c: &mut Criterion) {
    let mut group = c.benchmark_group("uncontended/semaphore");
    let semaphore = async_sync::Semaphore::new(10);
    group.bench_function("async-sync", |b| {
        b.iter(|| drop(ready(black_box(&semaphore).acquire()).unwrap()));
    });
    let semaphore = tokio::sync::Semaphore::new(10);
    group.bench_function("tokio", |b| {
        b.iter(|| drop(ready(black_box(&semaphore).acquire()).unwrap()));
    });
    let semaphore = async_lock::Semaphore::new(10);
    group.bench_function("async-lock", |b| {
        b.iter(|| drop(ready(black_box(&semaphore).acquire())))
    });
    group.finish();
}

fn wait_group(c: &mut Criterion) {
    let mut group = c.benchmark_group("uncontended/wait_group");
    let counter = AtomicU32::new(0);
    group.bench_function("floor: add and subtract", |b| {
        b.iter(|| {
            black_box(&counter).fetch_add(1, Ordering::Relaxed);
            black_box(&counter).fetch_sub(1, Ordering::AcqRel)
        });
    });
    let waiting = async_sync::WaitGroup::new();
    group.bench_function("async-sync", |b| b.iter(|| drop(black_box(&waiting).add())));
    group.finish();
}

criterion_group!(uncontended, mutex, semaphore, wait_group);
criterion_main!(uncontended);
