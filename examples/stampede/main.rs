//! A cache entry expires, a thousand requests come at once, and the database is asked once.
//!
//! ```text
//! cargo run --example stampede [-- REQUESTS]
//! ```
//!
//! The cache is a plain map that forgets. Between it and the database stands a `SingleFlight`: whoever
//! misses asks there, and only the first request of a key gets as far as the database.
//!
//! The request that came first is aborted on purpose. Nobody notices: the query belongs to all who
//! wait for it, and is neither lost nor asked again.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_sync::SingleFlight;

/// What is so expensive.
#[derive(Default)]
struct Database {
    queries: AtomicUsize,
}

#[derive(Clone, Debug)]
struct NoSuchUser;

impl fmt::Display for NoSuchUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such user")
    }
}

impl Database {
    async fn user(&self, id: &str) -> Result<String, NoSuchUser> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        if id.is_empty() {
            return Err(NoSuchUser);
        }
        Ok(format!("the user {id}"))
    }
}

/// Users, from the cache if they are there. Values are behind an `Arc`, since each request gets one.
#[derive(Default)]
struct Users {
    cache: Mutex<HashMap<String, Arc<str>>>,
    flights: SingleFlight<String, Arc<str>, NoSuchUser>,
    database: Database,
}

/// A user, and whether the query was shared with other requests.
struct Found {
    user: Arc<str>,
    shared: bool,
}

impl Users {
    async fn get(self: &Arc<Self>, id: &str) -> Result<Found, NoSuchUser> {
        if let Some(user) = self.cached(id) {
            return Ok(Found {
                user,
                shared: false,
            });
        }
        let (users, key) = (Arc::clone(self), id.to_owned());
        let query = move || async move {
            // Somebody may have been faster between our look and the query.
            if let Some(user) = users.cached(&key) {
                return Ok(user);
            }
            let user: Arc<str> = users.database.user(&key).await?.into();
            let mut cache = users.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.insert(key, Arc::clone(&user));
            Ok(user)
        };
        let outcome = self.flights.run(id, query).await?;
        Ok(Found {
            user: outcome.value,
            shared: outcome.shared,
        })
    }

    fn cached(&self, id: &str) -> Option<Arc<str>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(id).cloned()
    }

    fn expire(&self) {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn queries(&self) -> usize {
        self.database.queries.load(Ordering::Relaxed)
    }
}

/// `requests` at once; the first one is aborted while it waits.
async fn stampede(users: &Arc<Users>, requests: usize) -> Result<usize, NoSuchUser> {
    users.expire();
    let mut tasks: Vec<_> = (0..requests)
        .map(|_| {
            let users = Arc::clone(users);
            tokio::spawn(async move { users.get("gopher").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    tasks.remove(0).abort();
    let mut shared = 0;
    for task in tasks {
        let found = task.await.expect("only the first one was aborted")?;
        assert_eq!(&*found.user, "the user gopher");
        shared += usize::from(found.shared);
    }
    Ok(shared)
}

#[tokio::main]
async fn main() -> ExitCode {
    let requests = match std::env::args().nth(1).map(|n| n.parse()) {
        None => 1000,
        Some(Ok(n)) if n > 0 => n,
        Some(_) => {
            eprintln!("stampede: REQUESTS is a number above zero");
            return ExitCode::FAILURE;
        }
    };
    let users = Arc::new(Users::default());
    let start = Instant::now();
    match stampede(&users, requests).await {
        Ok(shared) => println!(
            "{requests} requests, one of them aborted: {} in {} ms, {shared} shared an answer",
            match users.queries() {
                1 => "1 query".to_owned(),
                n => format!("{n} queries"),
            },
            start.elapsed().as_millis(),
        ),
        Err(error) => {
            eprintln!("stampede: {error}");
            return ExitCode::FAILURE;
        }
    }
    if users.get("").await.is_err() {
        println!("an error is not cached: the next request asks again");
    }
    ExitCode::SUCCESS
}
