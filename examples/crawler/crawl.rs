//! The crawl: a group that feeds itself.

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_sync::Context;
use backon::ExponentialBuilder;
use hyper::Uri;
use orchestration::errgroup::{Builder, ErrGroupHandle};
use orchestration::retry::{Retry, RetryBudget, RetryError};
use runtime::TokioRuntime;

use crate::fetch::{FetchError, Page, fetch};

/// How far it goes.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) parallel: usize,
    pub(crate) pages: usize,
    pub(crate) attempts: usize,
}

/// A page that could not be had.
#[derive(Debug)]
pub(crate) struct PageError {
    pub(crate) url: Uri,
    pub(crate) error: RetryError<FetchError>,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.error)
    }
}

impl std::error::Error for PageError {}

type Group = ErrGroupHandle<TokioRuntime, Page, PageError>;
type Visit = Pin<Box<dyn Future<Output = Result<Page, PageError>> + Send>>;

/// What the tasks share.
struct Crawl {
    group: Group,
    retry: Retry<TokioRuntime>,
    seen: Mutex<HashSet<String>>,
    bounds: Bounds,
}

/// All pages that can be reached from `start` on its host, in the order in which they were found.
pub(crate) async fn crawl(
    rt: &TokioRuntime,
    context: &Context,
    start: Uri,
    bounds: Bounds,
) -> Vec<Result<Page, PageError>> {
    let group = Builder::new()
        .eager(bounds.parallel)
        .collect_all()
        .spawned(rt.clone());
    let delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_jitter();
    let retry = Retry::new(rt.clone())
        .backoff(delays)
        .attempts(bounds.attempts)
        .attempt_timeout(Duration::from_secs(2))
        // A site that fails all the time is not asked four times for every page.
        .budget(&RetryBudget::new(20, 0.5))
        .context(context);
    let crawl = Arc::new(Crawl {
        group: group.handle(),
        retry,
        seen: Mutex::default(),
        bounds,
    });
    crawl.submit(start).await;
    drop(crawl);
    match group.join().await {
        Ok(pages) => pages.into_iter().map(Ok).collect(),
        Err(errors) => errors.into_results(),
    }
}

impl Crawl {
    /// Submits a page, unless it is known or there are enough.
    async fn submit(self: &Arc<Self>, url: Uri) {
        let new = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.len() < self.bounds.pages && seen.insert(url.to_string())
        };
        if new {
            let name = url.to_string();
            // It has not stopped: a group that collects goes on.
            let _ = self
                .group
                .spawn_named(name, Arc::clone(self).visit(url))
                .await;
        }
    }

    // In a box, since it contains itself.
    fn visit(self: Arc<Self>, url: Uri) -> Visit {
        Box::pin(async move {
            let attempt = |_| fetch(&url);
            let page = self.retry.run_if(attempt, FetchError::may_go_away).await;
            let page = page.map_err(|error| PageError {
                url: url.clone(),
                error,
            })?;
            for link in &page.links {
                self.submit(link.clone()).await;
            }
            Ok(page)
        })
    }
}
