//! The scenarios of pipelines and of the patterns over streams, on every runtime.

use conformance::scenarios::patterns::*;
use conformance::scenarios::pipeline::{
    a_fault_in_every_stage, a_slow_stage, collected_errors, get_friends, s108_md5_all,
    stopped_and_cancelled,
};

conformance::on_every_runtime! {
    s85_or_done;
    s86_fan_in;
    s87_fan_out;
    s88_stages;
    s89_map_reduce;
    s108_md5_all;
    get_friends;
    a_fault_in_every_stage;
    a_slow_stage;
    stopped_and_cancelled;
    collected_errors;
}

/// In virtual time only: it is about what takes time.
#[test]
fn a_slow_stage_is_named() {
    conformance::run::mini(conformance::scenarios::pipeline::a_slow_stage_is_named);
}
