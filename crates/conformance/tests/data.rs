//! The scenarios of maps, pools and queues, on every runtime.

use conformance::scenarios::map::*;
use conformance::scenarios::resource_pool::{s64_close, s64_limits_of_age};

conformance::on_every_runtime! {
    s55_disjoint_keys;
    s59_load_or_store;
    computed_once;
    keyed_locks;
    s60_queue;
    s61_pools;
    s64_close;
    s64_limits_of_age;
}

macro_rules! pools {
    ($($pool:ident: $module:ident),*) => {
        $(mod $module {
            use conformance::peers::resource_pool::$pool;
            use conformance::scenarios::resource_pool::*;

            conformance::on_every_runtime! {
                s64_last_in_first_out = s64_last_in_first_out::<$pool, _>;
                s64_a_crowd = s64_a_crowd::<$pool, _>;
                a_place_is_passed_on = a_place_is_passed_on::<$pool, _>;
                cancelled_requests = cancelled_requests::<$pool, _>;
            }
        })*
    };
}

pools! { Ours: ours, Deadpool: deadpool }

/// bb8 has timeouts of its own, which are tokio's.
mod bb8 {
    use conformance::peers::resource_pool::Bb8;
    use conformance::run;
    use conformance::scenarios::resource_pool::*;

    #[test]
    fn keeps_to_its_limit() {
        run::tokio_current_thread(s64_last_in_first_out::<Bb8, _>);
        run::tokio_multi_thread(s64_a_crowd::<Bb8, _>);
        run::tokio_multi_thread(cancelled_requests::<Bb8, _>);
    }
}
