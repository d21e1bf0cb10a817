//! In which order outputs are given, as a type.

/// In the order of the items.
#[derive(Debug)]
pub enum InOrder {}

/// As they come.
#[derive(Debug)]
pub enum AsTheyCome {}

/// [`InOrder`] or [`AsTheyCome`].
///
/// Sealed: it cannot be implemented outside of this crate.
pub trait Order: sealed::Sealed + 'static {
    /// Whether outputs are given in the order of the items.
    const ORDERED: bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::InOrder {}
    impl Sealed for super::AsTheyCome {}
}

impl Order for InOrder {
    const ORDERED: bool = true;
}

impl Order for AsTheyCome {
    const ORDERED: bool = false;
}
