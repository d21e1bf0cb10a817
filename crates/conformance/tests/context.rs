//! The scenarios of contexts and watches, on every runtime.

use conformance::scenarios::{context, watch};

mod any {
    use conformance::peers::{tokens, watches};
    use conformance::scenarios::any_token::*;

    conformance::on_every_runtime! {
        s66_down_and_not_up = s66_down_and_not_up::<tokens::Ours, _>;
        s69_many_wait = s69_many_wait::<tokens::Ours, _>;
        a_forest_falls = a_forest_falls::<tokens::Ours, _>;
        the_last_value_is_not_missed = the_last_value_is_not_missed::<watches::Ours, _>;
        who_stops_waiting_loses_nothing = who_stops_waiting_loses_nothing::<watches::Ours, _>;
    }
}

/// Those that the peers keep, too.
mod peers {
    use conformance::peers::{tokens, watches};
    use conformance::scenarios::any_token::*;

    conformance::on_every_runtime! {
        s66_down_and_not_up = s66_down_and_not_up::<tokens::TokioUtil, _>;
        s69_many_wait = s69_many_wait::<tokens::TokioUtil, _>;
        a_forest_falls = a_forest_falls::<tokens::TokioUtil, _>;
        the_last_value_is_not_missed = the_last_value_is_not_missed::<watches::Tokio, _>;
        who_stops_waiting_loses_nothing = who_stops_waiting_loses_nothing::<watches::Tokio, _>;
    }
}

conformance::on_every_runtime! {
    s66_the_cause = context::s66_the_cause;
    s67_deadlines = context::s67_deadlines;
    s68_fifty_milliseconds = context::s68_fifty_milliseconds;
    s71_a_generator = context::s71_a_generator;
    s72_nothing_is_left = context::s72_nothing_is_left;
    cancelled_waits_give_back = context::cancelled_waits_give_back;
    callbacks = context::callbacks;
    at2_config_reload = watch::at2_config_reload;
    compare_and_swap = watch::compare_and_swap;
    a_reference_across_an_await = watch::a_reference_across_an_await;
    wait_for = watch::wait_for;
}
