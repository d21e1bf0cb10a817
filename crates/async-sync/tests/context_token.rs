//! Contexts and tokio-util's tokens, both ways.

mod support;

use std::sync::Arc;

use async_sync::Context;
use async_sync::context::Cause;
use support::queued;
use tokio_util::sync::CancellationToken;

#[test]
fn a_token_cancels_a_context() {
    let token = CancellationToken::new();
    let parent = Context::new().with_value(7);
    let ctx = parent.child_of_token(&token);
    let below = ctx.child();
    let mut wait = queued(below.cancelled());
    assert!(!ctx.is_cancelled());
    assert_eq!(below.value(), Some(&7));
    token.cancel();
    assert!(ctx.is_cancelled() && wait.woken() && !parent.is_cancelled());
    assert!(wait.ready().is_canceled());
    assert!(parent.child_of_token(&token).is_cancelled(), "too late");
    assert!(Context::from(token.clone()).is_cancelled() && Context::from(&token).is_cancelled());
}

#[test]
fn the_parent_cancels_it_too() {
    let token = CancellationToken::new();
    let parent = Context::new();
    let ctx = parent.child_of_token(&token);
    parent.cancel_with(Cause::custom("parent"));
    assert_eq!(ctx.cause().unwrap().to_string(), "parent");
    token.cancel();
    assert_eq!(ctx.cause().unwrap().to_string(), "parent");
    assert!(
        parent
            .child_of_token(&CancellationToken::new())
            .is_cancelled()
    );
}

#[test]
fn a_context_cancels_a_token() {
    let ctx = Context::new();
    let (token, linked) = ctx.to_token();
    let (other, unlinked) = ctx.child().to_token();
    let below = token.child_token();
    drop(unlinked);
    ctx.cancel();
    assert!(below.is_cancelled() && !other.is_cancelled() && !linked.stop());
    let (token, _) = ctx.to_token();
    assert!(token.is_cancelled());
}

#[test]
fn there_and_back() {
    let ctx = Context::new();
    let (token, linked) = ctx.to_token();
    let back = Context::from(&token);
    ctx.cancel();
    assert!(back.is_cancelled() && !linked.stop());
    // Threads: whoever cancels, everybody is told.
    for _ in 0..if cfg!(miri) { 3 } else { 200 } {
        let token = CancellationToken::new();
        let ctx = Arc::new(Context::from(&token));
        std::thread::scope(|scope| {
            scope.spawn(|| token.cancel());
            scope.spawn(|| ctx.cancelled_blocking());
            scope.spawn(|| drop(Context::from(&token)));
        });
    }
}
