//! Whose friends are these? A list that comes page by page, a look-up for each entry, a map of them all.
//!
//! The classic in three stages: a producer of identifiers, workers that look them up, and somebody who
//! puts the answers together. In Go each stage closes the channel of the next, the last worker to leave
//! closes that of all workers, and the first error has to be seen by everybody. Here a stream of identifiers
//! goes through `Map`, which keeps at most so many look-ups under way and gives their outputs as they
//! come; the first error ends the fold, and with it everything.
//!
//! Run: `cargo run --release --example get_friends`

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use orchestration::results::Map;
use runtime::{Spawn, Timer, TokioRuntime};

type Id = u64;

#[derive(Clone, Debug, PartialEq)]
struct User {
    name: String,
}

/// What went wrong, and at what.
#[derive(Debug)]
enum FriendsError {
    List { page: usize, why: &'static str },
    User { id: Id, why: &'static str },
}

impl fmt::Display for FriendsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List { page, why } => write!(f, "page {page} of the list of friends: {why}"),
            Self::User { id, why } => write!(f, "friend {id}: {why}"),
        }
    }
}

impl Error for FriendsError {}

/// A service far away.
struct Service<R> {
    rt: R,
    friends: Vec<Id>,
    unknown: Option<Id>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

const PAGE: usize = 10;

impl<R: Timer> Service<R> {
    fn new(rt: R, friends: Vec<Id>) -> Self {
        Self {
            rt,
            friends,
            unknown: None,
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    /// A page of the list; an empty one ends it.
    async fn page(&self, page: usize) -> Result<Vec<Id>, FriendsError> {
        if page == usize::MAX {
            return Err(FriendsError::List {
                page,
                why: "there is no such page",
            });
        }
        self.rt.sleep(Duration::from_millis(5)).await;
        let ids = self.friends.iter().skip(page * PAGE).take(PAGE);
        Ok(ids.copied().collect())
    }

    async fn user(&self, id: Id) -> Result<User, FriendsError> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.rt.sleep(Duration::from_millis(id % 7)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        if self.unknown == Some(id) {
            return Err(FriendsError::User { id, why: "unknown" });
        }
        Ok(User {
            name: format!("user {id}"),
        })
    }
}

/// The producer: identifiers, page by page, and no page before it is needed.
fn friend_ids<R: Timer>(service: Arc<Service<R>>) -> impl Stream<Item = Result<Id, FriendsError>> {
    stream::try_unfold(0, move |page| {
        let service = Arc::clone(&service);
        async move {
            let ids = service.page(page).await?;
            let ids = (!ids.is_empty()).then(|| stream::iter(ids).map(Ok));
            Ok(ids.map(|ids| (ids, page + 1)))
        }
    })
    .try_flatten()
}

/// All friends, with at most `workers` look-ups under way.
async fn friends<R: Spawn + Timer>(
    rt: R,
    service: Arc<Service<R>>,
    workers: usize,
) -> Result<BTreeMap<Id, User>, FriendsError> {
    let ids = friend_ids(Arc::clone(&service)).boxed();
    let look_up = move |id: Result<Id, FriendsError>| {
        let service = Arc::clone(&service);
        async move {
            let id = id?;
            Ok((id, service.user(id).await?))
        }
    };
    let users = Map::from_stream(ids, look_up).concurrency(workers);
    users.unordered_on(rt).try_collect().await
}

#[tokio::main]
async fn main() -> Result<(), FriendsError> {
    let rt = TokioRuntime::current();
    let service = Arc::new(Service::new(rt.clone(), (1..=64).collect()));
    let start = rt.now();
    let friends = friends(rt.clone(), Arc::clone(&service), 8).await?;
    println!(
        "{} friends, at most {} look-ups at a time, {:.0?}; the first is {}",
        friends.len(),
        service.most.load(Ordering::SeqCst),
        rt.now() - start,
        friends.values().next().map_or("nobody", |user| &user.name),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_executor::MiniRuntime;

    fn run<F: Future<Output = ()>>(scenario: impl FnMut(MiniRuntime) -> F) {
        mini_executor::Builder::new()
            .fail_on_leaks(true)
            .run_seeds(0..50, scenario);
    }

    #[test]
    fn all_friends_are_found_by_no_more_than_so_many() {
        run(|rt| async move {
            let service = Arc::new(Service::new(rt.clone(), (100..147).collect()));
            let found = friends(rt, Arc::clone(&service), 4).await.unwrap();
            assert_eq!(found.len(), 47);
            assert_eq!(found[&146].name, "user 146");
            assert_eq!(service.most.load(Ordering::SeqCst), 4);
        });
    }

    #[test]
    fn no_friends() {
        run(|rt| async move {
            let service = Arc::new(Service::new(rt.clone(), Vec::new()));
            assert!(friends(rt, service, 4).await.unwrap().is_empty());
        });
    }

    #[test]
    fn the_first_error_ends_it() {
        run(|rt| async move {
            let mut service = Service::new(rt.clone(), (0..1000).collect());
            service.unknown = Some(21);
            let start = rt.now();
            let service = Arc::new(service);
            let error = friends(rt.clone(), service, 4).await.unwrap_err();
            assert_eq!(error.to_string(), "friend 21: unknown");
            assert!(rt.now() - start < Duration::from_millis(600), "it went on");
        });
    }
}
