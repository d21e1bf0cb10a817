//! The scenarios of barriers and events, on every runtime.

use conformance::scenarios::barrier::*;

mod any {
    use conformance::peers::{barriers, gates, signals};
    use conformance::scenarios::any_event::*;

    conformance::on_every_runtime! {
        ping_pong = ping_pong::<signals::Ours, _>;
        one_by_one = one_by_one::<signals::Ours, _>;
        pt10_event = pt10_broadcast::<gates::Ours, _>;
        pt10_latch = pt10_broadcast::<gates::OursLatch, _>;
        pt10_notify = pt10_broadcast::<gates::OursNotify, _>;
        s102_in_step = s102_in_step::<barriers::Ours, _>;
    }
}

conformance::on_every_runtime! {
    s102_a_hundred_generations;
    u1_who_gives_up_breaks_it;
    a_lenient_barrier_waits_for_another;
}
