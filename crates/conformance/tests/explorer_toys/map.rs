//! Our map, used as caches are often written: values are computed, with a mistake.

use async_sync::Map;
use conformance::explorer::Boxed;
use conformance::explorer::sets::map::{Attempt, Computes};

/// Looks, computes, stores: nobody waits for anybody.
pub(crate) const NAIVE: usize = 0;
/// What was computed replaces what others have stored or deleted meanwhile.
pub(crate) const OVERWRITES: usize = 1;

pub(crate) struct ToyMap<const MISTAKE: usize>(Map<usize, usize>);

impl<const MISTAKE: usize> Computes for ToyMap<MISTAKE> {
    fn new() -> Self {
        ToyMap(Map::new())
    }

    fn load(&self, key: usize) -> Option<usize> {
        self.0.load(&key)
    }

    fn store(&self, key: usize, value: usize) {
        self.0.store(key, value);
    }

    fn delete(&self, key: usize) {
        self.0.delete(&key);
    }

    fn get_or_compute<'a>(
        &'a self,
        key: usize,
        make: impl FnOnce() -> Boxed<'a, Attempt> + 'a,
    ) -> Boxed<'a, Attempt> {
        Box::pin(async move {
            if MISTAKE == OVERWRITES {
                let value = self.0.get_or_try_compute(key, make).await?;
                self.0.store(key, value);
                return Ok(value);
            }
            match self.0.load(&key) {
                Some(value) => Ok(value),
                None => Ok(self.0.load_or_store(key, make().await?).0),
            }
        })
    }
}
