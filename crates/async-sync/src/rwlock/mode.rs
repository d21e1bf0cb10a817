//! What a lock is held for, as types.

use super::raw::{READ, UPGRADABLE, WRITE};

/// What a reader-writer lock is held for: [`Reading`], [`Writing`] or [`Upgradable`]. Sealed.
pub trait Mode: sealed::Sealed + Send + Sync + 'static {
    #[doc(hidden)]
    const KIND: usize;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Reading {}
    impl Sealed for super::Writing {}
    impl Sealed for super::Upgradable {}
}

/// Held for reading, beside other readers.
#[derive(Clone, Copy, Debug)]
pub struct Reading;

/// Held for writing, alone.
#[derive(Clone, Copy, Debug)]
pub struct Writing;

/// Held for reading, beside other readers, with the right to write later.
#[derive(Clone, Copy, Debug)]
pub struct Upgradable;

impl Mode for Reading {
    const KIND: usize = READ;
}

impl Mode for Writing {
    const KIND: usize = WRITE;
}

impl Mode for Upgradable {
    const KIND: usize = UPGRADABLE;
}
