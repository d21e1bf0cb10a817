//! Ways to wait for the first of several futures.
//!
//! Those that are macros get four cases, by value, as one writes them; the functions get any number.
//! The cases are boxed by whoever calls, so that nobody pays for that more than others.

use std::pin::{Pin, pin};

use async_sync::{AutoEvent, Semaphore};
use futures_util::FutureExt;

/// A case.
pub type Case<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Waits for the first of four.
pub trait AsyncSelect: 'static {
    /// In reports.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// Waits until one is ready, and drops the others. Which, and its output.
    fn first<'a, T: Send + 'a>(cases: [Case<'a, T>; 4]) -> impl Future<Output = (usize, T)> + Send;
}

/// Has code that runs when a case was first: a macro.
pub trait SelectWithBody: AsyncSelect {
    /// Runs `body` in place of each case's body.
    fn first_then<'a, T: Send + 'a, B: Future<Output = U> + Send, U: Send>(
        cases: [Case<'a, T>; 4],
        body: impl FnOnce(usize) -> B + Send,
    ) -> impl Future<Output = U> + Send;
}

/// Can select again and again, without beginning all waits anew: a macro over references.
pub trait SelectAgain: AsyncSelect {
    /// Waits for a permit, and until it has it, for the bell as often as it rings.
    fn acquire_among<'a>(
        place: &'a Semaphore,
        bell: &'a AutoEvent,
    ) -> impl Future<Output = ()> + Send + 'a;
}

/// Takes any number.
pub trait SelectMany: AsyncSelect {
    /// Waits until one is ready, and drops the others. Which, and its output.
    fn first_of<'a, T: Send + 'a>(
        cases: Vec<Case<'a, T>>,
    ) -> impl Future<Output = (usize, T)> + Send;
}

/// `async_sync::select!`.
#[derive(Debug)]
pub struct Ours;

impl AsyncSelect for Ours {
    const NAME: &'static str = "async-sync, `select!`";
    const PACKAGE: &'static str = "async-sync";

    async fn first<'a, T: Send + 'a>([a, b, c, d]: [Case<'a, T>; 4]) -> (usize, T) {
        async_sync::select! {
            value = a => (0, value),
            value = b => (1, value),
            value = c => (2, value),
            value = d => (3, value),
        }
    }
}

impl SelectWithBody for Ours {
    async fn first_then<'a, T: Send + 'a, B: Future<Output = U> + Send, U: Send>(
        [a, b, c, d]: [Case<'a, T>; 4],
        body: impl FnOnce(usize) -> B + Send,
    ) -> U {
        async_sync::select! {
            _ = a => body(0).await,
            _ = b => body(1).await,
            _ = c => body(2).await,
            _ = d => body(3).await,
        }
    }
}

/// `async_sync::select::select_all`.
#[derive(Debug)]
pub struct OursAll;

impl AsyncSelect for OursAll {
    const NAME: &'static str = "async-sync, `select_all`";
    const PACKAGE: &'static str = "async-sync";

    fn first<'a, T: Send + 'a>(cases: [Case<'a, T>; 4]) -> impl Future<Output = (usize, T)> + Send {
        async_sync::select::select_all(cases)
    }
}

impl SelectMany for OursAll {
    fn first_of<'a, T: Send + 'a>(
        cases: Vec<Case<'a, T>>,
    ) -> impl Future<Output = (usize, T)> + Send {
        async_sync::select::select_all(cases)
    }
}

/// `tokio::select!`.
#[derive(Debug)]
pub struct Tokio;

impl AsyncSelect for Tokio {
    const NAME: &'static str = "`tokio::select!`";
    const PACKAGE: &'static str = "tokio";

    async fn first<'a, T: Send + 'a>([a, b, c, d]: [Case<'a, T>; 4]) -> (usize, T) {
        tokio::select! {
            value = a => (0, value),
            value = b => (1, value),
            value = c => (2, value),
            value = d => (3, value),
        }
    }
}

impl SelectWithBody for Tokio {
    async fn first_then<'a, T: Send + 'a, B: Future<Output = U> + Send, U: Send>(
        [a, b, c, d]: [Case<'a, T>; 4],
        body: impl FnOnce(usize) -> B + Send,
    ) -> U {
        tokio::select! {
            _ = a => body(0).await,
            _ = b => body(1).await,
            _ = c => body(2).await,
            _ = d => body(3).await,
        }
    }
}

/// `futures::select!`, which wants futures that it can name, and that say when they are over.
#[derive(Debug)]
pub struct Futures;

impl AsyncSelect for Futures {
    const NAME: &'static str = "`futures::select!`";
    const PACKAGE: &'static str = "futures";

    async fn first<'a, T: Send + 'a>([a, b, c, d]: [Case<'a, T>; 4]) -> (usize, T) {
        let (mut a, mut b, mut c, mut d) = (a.fuse(), b.fuse(), c.fuse(), d.fuse());
        futures::select! {
            value = a => (0, value),
            value = b => (1, value),
            value = c => (2, value),
            value = d => (3, value),
        }
    }
}

impl SelectWithBody for Futures {
    async fn first_then<'a, T: Send + 'a, B: Future<Output = U> + Send, U: Send>(
        [a, b, c, d]: [Case<'a, T>; 4],
        body: impl FnOnce(usize) -> B + Send,
    ) -> U {
        let (mut a, mut b, mut c, mut d) = (a.fuse(), b.fuse(), c.fuse(), d.fuse());
        futures::select! {
            _ = a => body(0).await,
            _ = b => body(1).await,
            _ = c => body(2).await,
            _ = d => body(3).await,
        }
    }
}

/// `futures::future::select_all`. What it returns of the losers is dropped.
#[derive(Debug)]
pub struct FuturesAll;

impl AsyncSelect for FuturesAll {
    const NAME: &'static str = "futures, `select_all`";
    const PACKAGE: &'static str = "futures";

    async fn first<'a, T: Send + 'a>(cases: [Case<'a, T>; 4]) -> (usize, T) {
        let (value, index, _) = futures::future::select_all(cases).await;
        (index, value)
    }
}

impl SelectMany for FuturesAll {
    async fn first_of<'a, T: Send + 'a>(cases: Vec<Case<'a, T>>) -> (usize, T) {
        let (value, index, _) = futures::future::select_all(cases).await;
        (index, value)
    }
}

impl SelectAgain for Ours {
    async fn acquire_among<'a>(place: &'a Semaphore, bell: &'a AutoEvent) {
        let mut acquire = pin!(place.acquire());
        loop {
            async_sync::select! {
                _ = &mut acquire => break,
                () = bell.wait() => {}
            }
        }
    }
}

impl SelectAgain for Tokio {
    async fn acquire_among<'a>(place: &'a Semaphore, bell: &'a AutoEvent) {
        let mut acquire = pin!(place.acquire());
        loop {
            tokio::select! {
                _ = &mut acquire => break,
                () = bell.wait() => {}
            }
        }
    }
}

impl SelectAgain for Futures {
    async fn acquire_among<'a>(place: &'a Semaphore, bell: &'a AutoEvent) {
        let mut acquire = pin!(place.acquire().fuse());
        loop {
            let mut rings = pin!(bell.wait().fuse());
            futures::select! {
                _ = acquire => break,
                () = rings => {}
            }
        }
    }
}
