//! What implementations say of themselves.
