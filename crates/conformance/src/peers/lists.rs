//! Who takes part: channels, trees of cancellation, watched values, pools of connections, selects and locks
//! by key.

/// Hands the list of channels to a macro: `name: Type, offers...;` for each.
///
/// The offers are `shared`, `closable`, `rendezvous`, `reserving` and `many`, for the traits of these
/// names.
#[macro_export]
macro_rules! for_each_channel {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::channels::Ours, shared, closable, rendezvous, reserving, many;
            tokio: $crate::peers::channels::Tokio, closable, reserving, many;
            async_channel: $crate::peers::channels::AsyncChannelCrate, shared, closable;
            flume: $crate::peers::channels::Flume, shared, rendezvous;
            kanal: $crate::peers::channels::Kanal, shared, closable, rendezvous;
            crossfire: $crate::peers::channels::Crossfire, shared;
            tachyonix: $crate::peers::channels::Tachyonix, closable;
            futures: $crate::peers::channels::Futures, closable;
        }
    };
}

/// Hands the list of channels to a macro of which any number of tasks may receive.
#[macro_export]
macro_rules! for_each_shared_channel {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::channels::Ours;
            async_channel: $crate::peers::channels::AsyncChannelCrate;
            flume: $crate::peers::channels::Flume;
            kanal: $crate::peers::channels::Kanal;
            crossfire: $crate::peers::channels::Crossfire;
        }
    };
}

/// Hands the list of channels to a macro that keep a place for a sender.
#[macro_export]
macro_rules! for_each_reserving_channel {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::channels::Ours;
            tokio: $crate::peers::channels::Tokio;
        }
    };
}

/// Hands the list of channels to a macro whose every receiver gets every item.
#[macro_export]
macro_rules! for_each_broadcast {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::broadcasts::Ours;
            tokio: $crate::peers::broadcasts::Tokio;
        }
    };
}

/// Hands the list of watched values to a macro: `name: Type;` for each.
#[macro_export]
macro_rules! for_each_watch {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::watches::Ours;
            tokio: $crate::peers::watches::Tokio;
        }
    };
}

/// Hands the list of trees of cancellation to a macro: `name: Type, offers...;` for each.
///
/// The offers are `several_parents` and `callbacks`.
#[macro_export]
macro_rules! for_each_token {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::tokens::Ours, several_parents, callbacks;
            tokio_util: $crate::peers::tokens::TokioUtil;
        }
    };
}

/// Hands the list of pools of connections to a macro: `name: Type, offers...;` for each.
///
/// The offer is `closable`.
#[macro_export]
macro_rules! for_each_resource_pool {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::resource_pool::Ours, closable;
            deadpool: $crate::peers::resource_pool::Deadpool, closable;
            bb8: $crate::peers::resource_pool::Bb8;
        }
    };
}

/// Hands the list of ways to wait for the first of several to a macro: `name: Type, offers...;` for each.
///
/// The offers are `with_body` and `again`, for macros, and `many`, for those that take any number.
#[macro_export]
macro_rules! for_each_select {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::selects::Ours, with_body, again;
            ours_all: $crate::peers::selects::OursAll, many;
            tokio: $crate::peers::selects::Tokio, with_body, again;
            futures: $crate::peers::selects::Futures, with_body, again;
            futures_all: $crate::peers::selects::FuturesAll, many;
        }
    };
}

/// Hands the list of locks by key to a macro: `name: Type;` for each.
#[macro_export]
macro_rules! for_each_keyed_mutex {
    ($($callback:ident)::+) => {
        $($callback)::+! {
            ours: $crate::peers::keyed_mutexes::Ours;
            by_hand: $crate::peers::keyed_mutexes::ByHand;
        }
    };
}
