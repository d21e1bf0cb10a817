//! `select!`: the cases are known when the program is written. Nothing is allocated.
//!
//! ```text
//! make the futures, in the order of the cases, each pinned where it is
//! each time the task is polled:   poll them in a random order (biased: in theirs) until one is ready
//! one is ready:                   keep its output; drop all futures; run the body
//! none is, and there is default:  drop all futures; run that body
//! ```
//!
//! The order is a permutation, not a rotation: of those that are ready each is as likely as any other.
//!
//! What is parsed is gathered case by case; each recursion of the macro makes two names that are its own.
//! An output is an `Option` of its own, so a body has its pattern's type and no enum is needed.

/// Waits until one of several futures is ready, drops the others, and runs that one's body.
///
/// ```text
/// select! {
///     biased;                                      // may be left out
///     pattern = future => body,                    // so many cases
///     pattern = future, if condition => body,      // may be absent
///     default => body,                             // may be left out
/// }
/// ```
///
/// * If several are ready, one of them is picked at random, each as likely as the others; with `biased;`
///   the first.
/// * With `default` it does not wait: that body runs if none is ready at once.
/// * A case whose condition does not hold is never ready, as a nil channel in Go; its future is not made. If
///   that leaves no case, and there is no default, it waits for ever.
/// * Bodies are ordinary code of the surrounding function: they may await, `return`, `break`, use `?`. So
///   are the expressions of the futures, which are evaluated once, in order.
/// * Patterns match always. For one that may not, `match` in the body.
///
/// It is to be used where `.await` is. Nothing is allocated.
///
/// # The losers are gone before the body runs
///
/// All futures are dropped as soon as one is ready. A lock or a message that came to a loser meanwhile goes
/// to whoever is next, and the body may use whatever the cases waited for. A `&mut future` is dropped, but
/// not what it refers to: if the body then waits for that lock, no other mutex comes out of it; ours do,
/// see [`select`](mod@crate::select).
///
/// # Cancel safety
///
/// Dropping it while it waits drops the futures; it is as cancel-safe as they are.
///
/// # Panics
///
/// If a future panics, or a body. The futures are dropped.
///
/// # Examples
///
/// ```
/// use async_sync::{Event, Mutex, Semaphore, select};
///
/// async fn work(places: &Semaphore, stop: &Event, done: &Mutex<u32>) {
///     loop {
///         select! {
///             biased;
///             () = stop.wait() => break,
///             permit = places.acquire() => {
///                 let _permit = permit.expect("nobody closes it");
///                 let mut done = done.lock().await;
///                 *done += 1;
///                 if *done == 3 {
///                     stop.set();
///                 }
///             }
///         }
///     }
/// }
///
/// # sync_core::park::block_on(async {
/// let done = Mutex::new(0);
/// work(&Semaphore::new(1), &Event::new(), &done).await;
/// assert_eq!(*done.lock().await, 3);
///
/// let next = select! {
///     _ = std::future::pending::<()>() => "never",
///     default => "nothing at once",
/// };
/// assert_eq!(next, "nothing at once");
/// # });
/// ```
#[macro_export]
macro_rules! select {
    () => {
        match $crate::select::private::pending::<$crate::select::private::Infallible>().await {}
    };

    // A future is ready, or all were asked.
    (@emit ($biased:literal) ($($end:tt)*) ($($default:tt)*)
        $({ ($pat:pat) ($future:expr) ($body:expr) ($number:expr) $out:ident $case:ident })*
    ) => {{
        $(let mut $out = $crate::select::private::None;)*
        {
            $(
                let $case = $future;
                let mut $case = $crate::select::private::pin!($case);
            )*
            let mut turns = $crate::select::private::Turns::<
                { 0 $(+ { let _ = $crate::select::private::stringify!($case); 1 })* }
            >::new($biased);
            $crate::select::private::poll_fn(|cx| {
                turns.begin();
                while let $crate::select::private::Some(turn) = turns.next() {
                    let _ = (turn, &cx);
                    $(
                        if turn == $number
                            && let $crate::select::private::Ready(output) =
                                $crate::select::private::Future::poll($case.as_mut(), cx)
                        {
                            $out = $crate::select::private::Some(output);
                            return $crate::select::private::Ready(());
                        }
                    )*
                }
                $($end)*
            })
            .await;
        }
        $(
            if let $crate::select::private::Some(output) = $out {
                let $pat = output;
                $body
            } else
        )* {
            $($default)*
        }
    }};

    // All cases are there.
    (@case $order:tt () ($($number:tt)*) [$($cases:tt)*]) => {
        $crate::select! {
            @emit $order
            ($crate::select::private::Pending)
            ($crate::select::private::unreachable!("a case was ready"))
            $($cases)*
        }
    };
    (@case $order:tt ({ $default:expr }) ($($number:tt)*) [$($cases:tt)*]) => {
        $crate::select! {
            @emit $order ($crate::select::private::Ready(())) ($default) $($cases)*
        }
    };

    // The default.
    (@case $order:tt () $number:tt $cases:tt default => $body:block , $($rest:tt)*) => {
        $crate::select! { @case $order ({ $body }) $number $cases $($rest)* }
    };
    (@case $order:tt () $number:tt $cases:tt default => $body:block $($rest:tt)*) => {
        $crate::select! { @case $order ({ $body }) $number $cases $($rest)* }
    };
    (@case $order:tt () $number:tt $cases:tt default => $body:expr , $($rest:tt)*) => {
        $crate::select! { @case $order ({ $body }) $number $cases $($rest)* }
    };
    (@case $order:tt () $number:tt $cases:tt default => $body:expr) => {
        $crate::select! { @case $order ({ $body }) $number $cases }
    };
    (@case $order:tt ({ $default:expr }) $number:tt $cases:tt default => $($rest:tt)*) => {
        $crate::select::private::compile_error!("a select has one default")
    };

    // A case.
    (@case $order:tt $default:tt $number:tt $cases:tt
        $pat:pat = $future:expr $(, if $condition:expr)? => $body:block , $($rest:tt)*
    ) => {
        $crate::select! {
            @add $order $default $number $cases
            ($pat) ($future) ($($condition)?) ($body) $($rest)*
        }
    };
    (@case $order:tt $default:tt $number:tt $cases:tt
        $pat:pat = $future:expr $(, if $condition:expr)? => $body:block $($rest:tt)*
    ) => {
        $crate::select! {
            @add $order $default $number $cases
            ($pat) ($future) ($($condition)?) ($body) $($rest)*
        }
    };
    (@case $order:tt $default:tt $number:tt $cases:tt
        $pat:pat = $future:expr $(, if $condition:expr)? => $body:expr , $($rest:tt)*
    ) => {
        $crate::select! {
            @add $order $default $number $cases
            ($pat) ($future) ($($condition)?) ($body) $($rest)*
        }
    };
    (@case $order:tt $default:tt $number:tt $cases:tt
        $pat:pat = $future:expr $(, if $condition:expr)? => $body:expr
    ) => {
        $crate::select! {
            @add $order $default $number $cases
            ($pat) ($future) ($($condition)?) ($body)
        }
    };

    (@add $order:tt $default:tt ($($number:tt)*) [$($cases:tt)*]
        $pat:tt ($future:expr) () $body:tt $($rest:tt)*
    ) => {
        $crate::select! {
            @case $order $default ($($number)* + 1)
            [
                $($cases)*
                {
                    $pat
                    ($crate::select::private::IntoFuture::into_future($future))
                    $body ($($number)*) output case
                }
            ]
            $($rest)*
        }
    };
    (@add $order:tt $default:tt ($($number:tt)*) [$($cases:tt)*]
        $pat:tt ($future:expr) ($condition:expr) $body:tt $($rest:tt)*
    ) => {
        $crate::select! {
            @case $order $default ($($number)* + 1)
            [
                $($cases)*
                {
                    $pat
                    ($crate::select::maybe(if $condition {
                        $crate::select::private::Some(
                            $crate::select::private::IntoFuture::into_future($future)
                        )
                    } else {
                        $crate::select::private::None
                    }))
                    $body ($($number)*) output case
                }
            ]
            $($rest)*
        }
    };

    (biased; $($cases:tt)*) => {
        $crate::select! { @case (true) () (0) [] $($cases)* }
    };
    ($($cases:tt)*) => {
        $crate::select! { @case (false) () (0) [] $($cases)* }
    };
}
