//! The scenarios of scheduled jobs, worker pools and shutdowns, on every runtime.

mod schedgroup {
    use conformance::scenarios::schedgroup::*;

    conformance::on_every_runtime! {
        g12_one_two_three;
        g12_cancelled;
        each_job_is_done_or_called_off;
        a_recurring_job_ends;
        shared_timeouts;
    }
}

mod worker_pool {
    use conformance::scenarios::worker_pool::*;

    conformance::on_every_runtime! {
        s65_submit_and_wait;
        s65_the_limit;
        s65_stop;
        each_job_is_done_once;
        l10_idle_workers_only;
    }
}

mod shutdown {
    use conformance::scenarios::shutdown::*;

    conformance::on_every_runtime! {
        s84_the_limit;
        pt2_two_phases;
    }
}
