//! mini-executor
