//! futures-util.

use ::futures_util::lock::MutexGuard;

use super::mutex::usual_mutex;

/// futures-util's mutex.
pub type Mutex = ::futures_util::lock::Mutex<u64>;

usual_mutex! { Mutex, "futures-util", "futures-util", Self::new, MutexGuard<'a, u64>, |tried| tried }
