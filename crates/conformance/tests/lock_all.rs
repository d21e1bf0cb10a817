//! The scenarios of sets of locks, on every runtime.

use async_sync::mutex::{Adaptive, Barging, Fifo};
use conformance::scenarios::lock_all::*;

conformance::on_every_runtime! {
    s6b_in_order = s6b_both_finish::<InOrder, _>;
    s6b_by_trial = s6b_both_finish::<ByTrial, _>;
    s21_in_order_adaptive = s21_philosophers::<InOrder, Adaptive, _>;
    s21_in_order_fifo = s21_philosophers::<InOrder, Fifo, _>;
    s21_in_order_barging = s21_philosophers::<InOrder, Barging, _>;
    s21_by_trial_adaptive = s21_philosophers::<ByTrial, Adaptive, _>;
    s21_by_trial_fifo = s21_philosophers::<ByTrial, Fifo, _>;
    s21_by_trial_barging = s21_philosophers::<ByTrial, Barging, _>;
    in_order_aborted = an_aborted_task_releases_all::<InOrder, _>;
    by_trial_aborted = an_aborted_task_releases_all::<ByTrial, _>;
}

mod leaving {
    conformance::on_every_runtime! {
        guests_that_leave = conformance::scenarios::lock_all::guests_that_leave;
    }
}
