//! The scenarios of select, on every runtime.

use conformance::scenarios::select::*;

conformance::on_every_runtime! {
    a_crowd_by_macro = a_crowd_selects::<ByMacro, _>;
    a_crowd_at_run_time = a_crowd_selects::<AtRunTime, _>;
}

mod others {
    conformance::on_every_runtime! {
        s78_fair_and_absent = conformance::scenarios::select::s78_fair_and_absent;
        a_set_gathers = conformance::scenarios::select::a_set_gathers;
        with_a_timeout = conformance::scenarios::select::with_a_timeout;
        selects_face_each_other = conformance::scenarios::select::selects_face_each_other;
        s79_sends_and_receives = conformance::scenarios::select::s79_sends_and_receives;
        a_set_of_receivers = conformance::scenarios::select::a_set_of_receivers;
        a_loser_does_not_keep_the_lock = conformance::scenarios::select::a_loser_does_not_keep_the_lock;
    }
}
