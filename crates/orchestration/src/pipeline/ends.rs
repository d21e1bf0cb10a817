//! The ways to run a pipeline to its end.

use async_sync::channel::Sender;
use runtime::Spawn;

use super::Pipeline;
use super::error::{Error, Report, StageError};
use super::run::{Failure, Running};
use super::stage::Plan;

impl<P: Plan<E>, E: Send + 'static> Pipeline<P, E> {
    /// Starts it; whoever has what this returns takes the results.
    ///
    /// # Panics
    ///
    /// If its [`Control`](super::Control) has a pipeline already, or the runtime's `spawn` panics.
    #[track_caller]
    pub fn start<R: Spawn>(self, rt: R) -> Running<R, P::Item, E> {
        Running::start(rt, self.plan, self.settings)
    }

    /// Runs it to its end; the results are dropped.
    ///
    /// # Errors
    ///
    /// [`Error`], when nothing of the pipeline is left.
    ///
    /// # Panics
    ///
    /// With the panic of a stage, when nothing of the pipeline is left, unless it has
    /// [panics as errors](Self::panics_as_errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the pipeline. So it is with all that run it to its end.
    pub async fn run<R: Spawn>(self, rt: R) -> Result<Report<E>, Error<E>> {
        let mut running = self.start(rt);
        while running.next().await.is_some() {}
        running.finish().await
    }

    /// Runs it to its end and gives the results.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub async fn collect<R: Spawn>(self, rt: R) -> Result<(Vec<P::Item>, Report<E>), Error<E>> {
        let mut running = self.start(rt);
        let mut results = Vec::new();
        while let Some(result) = running.next().await {
            results.push(result);
        }
        Ok((results, running.finish().await?))
    }

    /// Runs it to its end; `sink` is given the results one by one, in the task that calls this, so it may
    /// borrow. When a stage fails, or the pipeline is cancelled, the future of `sink` is dropped where it
    /// awaits, as those of the stages are.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); and an error of `sink`, as that of a stage called `sink`.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and if `sink` does.
    pub async fn for_each<R, F, Fut>(self, rt: R, mut sink: F) -> Result<Report<E>, Error<E>>
    where
        R: Spawn,
        F: FnMut(P::Item) -> Fut,
        Fut: Future<Output = Result<(), E>>,
    {
        let mut running = self.start(rt);
        let scope = running.scope();
        while let Some(result) = running.next().await {
            match scope.context().run(sink(result)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let stage = "sink".into();
                    running.fail(Failure::Stage(StageError { stage, error }));
                    break;
                }
                // It has failed elsewhere.
                Err(_) => break,
            }
        }
        running.finish().await
    }

    /// Runs it to its end and folds the results into one value: the reduce of a map-reduce.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and if `fold` does.
    #[doc(alias = "reduce")]
    pub async fn fold<R: Spawn, A>(
        self,
        rt: R,
        init: A,
        mut fold: impl FnMut(A, P::Item) -> A,
    ) -> Result<(A, Report<E>), Error<E>> {
        let mut running = self.start(rt);
        let mut value = init;
        while let Some(result) = running.next().await {
            value = fold(value, result);
        }
        Ok((value, running.finish().await?))
    }

    /// Runs it to its end; the results are sent into a channel, which is full where they are not wanted
    /// yet.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); and [`Error::Closed`] if the channel is closed before the end, which is found
    /// out by the next result.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub async fn send_to<R: Spawn>(
        self,
        rt: R,
        sender: Sender<P::Item>,
    ) -> Result<Report<E>, Error<E>> {
        let mut running = self.start(rt);
        let scope = running.scope();
        while let Some(result) = running.next().await {
            match scope.context().run(sender.send(result)).await {
                Ok(Ok(())) => {}
                Ok(Err(_closed)) => {
                    running.fail(Failure::Closed);
                    break;
                }
                // It has failed elsewhere.
                Err(_) => break,
            }
        }
        drop(sender);
        running.finish().await
    }
}
