//! What a wait group does.

/// Something to wait for until all tokens are gone.
pub trait AsyncWaitGroup: Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// Counts until it is dropped.
    type Token: Send + 'static;

    /// Without tokens.
    fn new() -> Self;

    /// Takes a token.
    fn token(&self) -> Self::Token;

    /// Waits until no token is left. The peer's own future.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// Tokens may be taken again after a wait.
pub trait ReusableWaitGroup: AsyncWaitGroup {}
