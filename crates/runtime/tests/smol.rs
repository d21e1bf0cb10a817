//! The contract on smol's global executor.
#![cfg(feature = "smol")]

mod contract;

use contract::contract;
use runtime::SmolRuntime;

fn with<F: Future<Output = ()>>(test: impl FnOnce(SmolRuntime) -> F) {
    futures::executor::block_on(test(SmolRuntime::new()));
}

contract!(with);
