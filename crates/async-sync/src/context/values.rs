//! Values by type: a list from the newest to the oldest, shared by all contexts that come from one.
//!
//! The first of a type is the one that counts, so a child's value hides its parent's. The list does
//! not know about cancellation: a context without the scope of its parent has the same values.

use std::any::{Any, TypeId};
use std::sync::Arc;

pub(super) type Values = Option<Arc<Value>>;

pub(super) struct Value {
    // Beside the value, so that looking for a type touches one allocation for each that is passed.
    id: TypeId,
    value: Box<dyn Any + Send + Sync>,
    older: Values,
}

/// `values`, and a newer one.
pub(super) fn with<T: Send + Sync + 'static>(values: &Values, value: T) -> Values {
    Some(Arc::new(Value {
        id: TypeId::of::<T>(),
        value: Box::new(value),
        older: values.clone(),
    }))
}

/// The newest of its type.
pub(super) fn find<T: 'static>(values: &Values) -> Option<&T> {
    let mut next = values;
    while let Some(value) = next {
        if value.id == TypeId::of::<T>() {
            return value.value.downcast_ref();
        }
        next = &value.older;
    }
    None
}

impl Drop for Value {
    /// A loop: a list of a hundred thousand, dropped one inside the other, would overflow the stack.
    fn drop(&mut self) {
        let mut next = self.older.take();
        while let Some(mut value) = next.and_then(Arc::into_inner) {
            next = value.older.take();
        }
    }
}
