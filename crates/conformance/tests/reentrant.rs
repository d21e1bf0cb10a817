//! The reentrant mutex's scenarios, on every runtime.

use conformance::scenarios::reentrant::*;

conformance::on_every_runtime! {
    s17_as_many_unlocks;
    s18_tokens;
    families;
    one_waits_for_the_other_inside;
    some_give_up;
}
