//! What a group of flights does, ours and others'.

use std::convert::Infallible;
use std::pin::Pin;

use async_sync::SingleFlight;

/// A work. In a box, since the peers want different traits of what makes it.
pub type Work = Pin<Box<dyn Future<Output = u64> + Send>>;

/// One execution for all who ask for the same key meanwhile.
pub trait AsyncSingleFlight: Send + Sync + Sized + 'static {
    /// In reports.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// Nothing is in flight.
    fn new() -> Self;

    /// Joins the execution of this key, or begins one.
    fn run(
        &self,
        key: &'static str,
        work: impl FnOnce() -> Work + Send + 'static,
    ) -> impl Future<Output = u64> + Send;
}

/// Ours.
pub type Ours = SingleFlight<String, u64, Infallible>;

impl AsyncSingleFlight for Ours {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";

    fn new() -> Self {
        Self::new()
    }

    async fn run(&self, key: &'static str, work: impl FnOnce() -> Work + Send + 'static) -> u64 {
        let work = || async { Ok(work().await) };
        match self.run(key, work).await {
            Ok(outcome) => outcome.value,
            Err(never) => match never {},
        }
    }
}

/// mea's.
pub type Mea = ::mea::singleflight::Group<&'static str, u64>;

impl AsyncSingleFlight for Mea {
    const NAME: &'static str = "mea";
    const PACKAGE: &'static str = "mea";

    fn new() -> Self {
        Self::new()
    }

    async fn run(&self, key: &'static str, work: impl FnOnce() -> Work + Send + 'static) -> u64 {
        self.work(key, async || work().await).await
    }
}
